"""What answers about repositories, rights, rules, tags and hooks look like."""

from typing import Any, Literal, NotRequired, TypedDict

from registry.api.management.description.people import Avatar, Paged, QuotaReport, Role


class MadeRepository(TypedDict):
    namespace: str
    name: str
    kind: str


class StarredRepository(TypedDict):
    namespace: str
    name: str
    description: str
    is_public: bool


class StarredRepositories(Paged):
    repositories: list[StarredRepository]


class Star(TypedDict):
    namespace: str
    repository: str


class ListedRepository(StarredRepository):
    kind: str
    state: Literal["NORMAL", "READ_ONLY"]
    is_starred: bool
    quota_report: QuotaReport
    last_modified: NotRequired[int | None]
    popularity: NotRequired[float]


class Repositories(Paged):
    repositories: list[ListedRepository]


class TagOfRepository(TypedDict):
    name: str
    size: int | None
    last_modified: str
    manifest_digest: str
    expiration: NotRequired[str]


class CountOfDay(TypedDict):
    date: str
    count: int


class Repository(TypedDict):
    namespace: str
    name: str
    kind: str
    description: str
    is_public: bool
    is_organization: bool
    is_starred: bool
    status_token: str
    trust_enabled: bool
    tag_expiration_s: int
    is_free_account: bool
    state: Literal["NORMAL", "READ_ONLY"]
    can_write: bool
    can_admin: bool
    tags: NotRequired[dict[str, TagOfRepository]]
    stats: NotRequired[list[CountOfDay]]


class Tag(TypedDict):
    name: str
    reversion: bool
    immutable: bool
    start_ts: int
    end_ts: NotRequired[int]
    manifest_digest: str
    is_manifest_list: bool
    size: int | None
    last_modified: str
    expiration: NotRequired[str]


class Tags(TypedDict):
    tags: list[Tag]
    page: int
    has_additional: bool


class Layer(TypedDict):
    index: int
    compressed_size: int
    is_remote: bool
    urls: None
    command: list[str] | None
    comment: str | None
    author: str | None
    blob_digest: str
    created_datetime: str | None


class Manifest(TypedDict):
    digest: str
    is_manifest_list: bool
    manifest_data: str
    config_media_type: str | None
    layers_compressed_size: int
    layers: list[Layer] | None


class Label(TypedDict):
    id: str
    key: str
    value: str
    source_type: Literal["api", "manifest"]
    media_type: str


class MadeLabel(TypedDict):
    label: Label


class Labels(TypedDict):
    labels: list[Label]


class ManifestPulls(TypedDict):
    manifest_digest: str
    manifest_pull_count: int
    last_manifest_pull_date: str | None


class TagPulls(TypedDict):
    tag_name: str
    tag_pull_count: int
    last_tag_pull_date: str | None
    current_manifest_digest: str
    manifest_pull_count: int
    last_manifest_pull_date: str | None


class TeamPermission(TypedDict):
    role: Role
    name: str
    avatar: Avatar


class UserPermission(TeamPermission):
    is_robot: bool
    is_org_member: NotRequired[bool]


class TeamPermissions(Paged):
    permissions: dict[str, TeamPermission]


class UserPermissions(Paged):
    permissions: dict[str, UserPermission]


class OneRole(TypedDict):
    role: Role


class TransitivePermissions(TypedDict):
    permissions: list[OneRole]


class NamedRepository(TypedDict):
    name: str
    is_public: bool


class GrantedRole(TypedDict):
    repository: NamedRepository
    role: Role


class GrantedRoles(Paged):
    permissions: list[GrantedRole]


class Made(TypedDict):
    uuid: str


class AutoPrunePolicy(TypedDict):
    uuid: str
    method: Literal["number_of_tags", "creation_date"]
    value: int | str
    tagPattern: str | None
    tagPatternMatches: bool


class AutoPrunePolicies(TypedDict):
    policies: list[AutoPrunePolicy]


class ImmutabilityPolicy(TypedDict):
    uuid: str
    tagPattern: str
    tagPatternMatches: bool


class ImmutabilityPolicies(TypedDict):
    policies: list[ImmutabilityPolicy]


class NotificationDetails(TypedDict):
    uuid: str
    title: str | None
    event: str
    method: str
    config: dict[str, Any]
    event_config: dict[str, Any]
    number_of_failures: int


class Notifications(TypedDict):
    notifications: list[NotificationDetails]


class Notice(TypedDict):
    id: str
    organization: None
    kind: str
    created: str
    metadata: dict[str, Any]
    dismissed: bool


class Notices(TypedDict):
    notifications: list[Notice]
    additional: bool


class FoundNamespace(TypedDict):
    title: str
    kind: Literal["user", "organization"]
    avatar: Avatar
    name: str
    score: int
    href: str


class FoundRepository(TypedDict):
    kind: str
    title: str
    namespace: FoundNamespace
    name: str
    description: str
    is_public: bool
    score: int
    href: str


class FoundRepositories(TypedDict):
    results: list[FoundRepository]
    has_additional: bool
    page: int
    page_size: int
    start_index: int


class Found(TypedDict):
    results: list[FoundRepository | FoundNamespace]
