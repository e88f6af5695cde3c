"""What answers about programs, their tokens, and the registry as a whole look like."""

from typing import Any, NotRequired, TypedDict

from registry.api.management.description.people import (
    Account,
    Avatar,
    NamedAvatar,
    OrganizationDetails,
    Paged,
)


class Application(TypedDict):
    name: str
    description: str
    application_uri: str
    client_id: str
    client_secret: str | None
    redirect_uri: str
    avatar_email: str | None


class Applications(TypedDict):
    applications: list[Application]


class ApplicationInformation(TypedDict):
    name: str
    description: str
    uri: str
    avatar: Avatar
    organization: OrganizationDetails


class ApplicationToken(TypedDict):
    uuid: str
    name: str
    scope: str
    expires_at: str | None
    created: str
    created_by: str
    last_accessed: str | None
    token: NotRequired[str]


class ApplicationTokens(Paged):
    tokens: list[ApplicationToken]


class AppToken(TypedDict):
    uuid: str
    title: str
    last_accessed: str | None
    created: str
    expiration: str | None
    token_code: NotRequired[str | None]
    user: NotRequired[str]


class OneAppToken(TypedDict):
    token: AppToken


class AppTokens(Paged):
    tokens: list[AppToken]
    only_expiring: bool | None


class AuthorizedApplication(TypedDict):
    name: str
    clientId: str
    description: str
    url: str
    avatar: Avatar
    organization: NamedAvatar


class Scope(TypedDict):
    scope: str
    title: str
    description: str


class Authorization(TypedDict):
    uuid: str
    application: AuthorizedApplication
    scopes: list[Scope]


class Authorizations(Paged):
    authorizations: list[Authorization]


class AssignedAuthorization(Authorization):
    redirectUri: str
    responseType: str


class AssignedAuthorizations(Paged):
    authorizations: list[AssignedAuthorization]


class Performer(Account):
    pass


class LogEntry(TypedDict):
    kind: str
    metadata: dict[str, Any]
    ip: str | None
    datetime: str
    performer: NotRequired[Performer]
    namespace: NotRequired[dict[str, Any]]


class Logs(Paged):
    start_time: str
    end_time: str
    logs: list[LogEntry]


class DailyCount(TypedDict):
    kind: str
    count: int
    datetime: str


class AggregatedLogs(TypedDict):
    aggregated: list[DailyCount]


class LogExport(TypedDict):
    export_id: str
    exported_data_url: str


class GlobalMessage(TypedDict):
    uuid: str
    content: str
    media_type: str
    severity: str


class GlobalMessages(Paged):
    messages: list[GlobalMessage]


class ErrorDescription(TypedDict):
    type: str
    title: str
    description: str


class SparseManifests(TypedDict):
    supported: bool
    required_architectures: list[str]
    optional_architectures_allowed: bool


class Capabilities(TypedDict):
    sparse_manifests: SparseManifests
    mirror_architectures: list[str]


class RegistrySize(TypedDict):
    size_bytes: int
    last_ran: int
    running: bool
    queued: bool


class Approval(TypedDict):
    approval_type: str
    approved_date: str
    approver: None
    notes: str


class ServiceKey(TypedDict):
    kid: str
    name: str
    service: str
    created_date: str
    expiration_date: str | None
    rotation_duration: None
    metadata: dict[str, Any]
    jwk: dict[str, Any]
    approval: Approval


class ServiceKeys(TypedDict):
    keys: list[ServiceKey]


class ChangeLog(TypedDict):
    log: str


class RegistryStatus(TypedDict):
    provider_id: str
    status: str


class RegistryConfig(TypedDict):
    config: dict[str, Any]
    warning: str
    env: dict[str, Any]
