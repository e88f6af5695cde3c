"""What answers about people, organizations, robots and programs look like."""

from typing import Any, Literal, NotRequired, TypedDict

Role = Literal["read", "write", "admin"]


class Paged(TypedDict):
    next_page: NotRequired[str]  # where there is more


class Success(TypedDict):
    success: bool


class Avatar(TypedDict):
    name: str
    hash: str
    color: str
    kind: Literal["user", "org", "team", "robot", "app"]


class QuotaReport(TypedDict):
    quota_bytes: None
    configured_quota: None
    running_backfill: NotRequired[str]
    backfill_status: NotRequired[str]


class MembershipOfCaller(TypedDict):
    name: str
    avatar: Avatar
    can_create_repo: bool
    public: bool
    is_org_admin: bool
    preferred_namespace: bool


class LoggedInUser(TypedDict):
    anonymous: bool
    username: str
    avatar: Avatar
    can_create_repo: bool
    is_me: bool
    verified: bool
    email: str
    logins: list[Any]
    invoice_email: bool
    invoice_email_address: None
    preferred_namespace: bool
    tag_expiration_s: int
    prompts: list[str]
    company: None
    family_name: None
    given_name: None
    location: None
    is_free_account: bool
    has_password_set: bool
    quotas: list[Any]
    quota_report: QuotaReport
    organizations: list[MembershipOfCaller]
    super_user: bool


class UserInformation(TypedDict):
    anonymous: bool
    username: str
    avatar: Avatar
    super_user: NotRequired[bool]


class SignedUp(TypedDict):
    awaiting_verification: bool


class InitializedUser(TypedDict):
    username: str
    email: str
    encrypted_password: None
    access_token: NotRequired[str]


class InstalledUser(TypedDict):
    kind: str
    name: str
    username: str
    email: str
    verified: bool
    avatar: Avatar
    super_user: bool
    global_readonly_super_user: bool
    enabled: bool
    quotas: list[Any]
    quota_report: QuotaReport
    encrypted_password: NotRequired[None]


class InstalledUsers(Paged):
    users: list[InstalledUser]


class UserWithPassword(TypedDict):
    username: str
    email: str
    password: str
    encrypted_password: None


class Entity(TypedDict):
    name: str
    kind: Literal["user", "team", "org"]
    avatar: Avatar
    is_robot: NotRequired[bool]
    is_org_member: NotRequired[bool]


class Entities(TypedDict):
    results: list[Entity]


class Team(TypedDict):
    name: str
    description: str
    role: Literal["member", "creator", "admin"]
    avatar: Avatar
    can_view: bool
    repo_count: NotRequired[int]
    member_count: NotRequired[int]
    is_synced: NotRequired[bool]
    new_team: NotRequired[bool]


class NamedAvatar(TypedDict):
    name: str
    avatar: Avatar


class OrganizationDetails(Paged):
    name: str
    email: str
    avatar: Avatar
    is_admin: bool
    is_member: bool
    teams: dict[str, Team]
    ordered_teams: list[str]
    invoice_email: bool
    invoice_email_address: None
    tag_expiration_s: int
    is_free_account: bool
    quotas: list[Any]
    quota_report: QuotaReport


class InstalledOrganization(TypedDict):
    name: str
    email: str
    avatar: Avatar
    quotas: list[Any]
    quota_report: QuotaReport


class InstalledOrganizations(Paged):
    organizations: list[InstalledOrganization]


class OrganizationMember(TypedDict):
    name: str
    kind: str
    avatar: Avatar
    teams: list[NamedAvatar]
    repositories: list[str]


class OrganizationMembers(Paged):
    members: list[OrganizationMember]


class Collaborator(TypedDict):
    name: str
    kind: str
    avatar: Avatar
    repositories: list[str]


class Collaborators(Paged):
    collaborators: list[Collaborator]


class Account(TypedDict):
    name: str
    kind: str
    is_robot: bool
    avatar: Avatar


class TeamMember(Account):
    invited: bool


class TeamMembers(Paged):
    name: str
    members: list[TeamMember]
    can_edit: bool


class PrototypePermission(TypedDict):
    id: str
    role: Role
    activating_user: Entity | None
    delegate: Entity


class Prototypes(Paged):
    prototypes: list[PrototypePermission]


class Robot(TypedDict):
    name: str
    created: str
    last_accessed: str | None
    description: str
    token: NotRequired[str | None]
    unstructured_metadata: NotRequired[dict[str, Any] | None]
    teams: NotRequired[list[NamedAvatar]]
    repositories: NotRequired[list[str]]


class Robots(Paged):
    robots: list[Robot]


class FederatedWorkload(TypedDict):
    issuer: str
    subject: str
    audience: NotRequired[str]


class Namespaced(TypedDict):
    namespace: str
