"""The table of ``/api/v1/``: each route with its view and, method by method, what it asks for.

An operation is its name, the right that its caller needs, and the scope that an application token
needs; names and scopes are Quay's. ``{name}`` is a repository. Every route is there with and
without a slash at its end: clients ask for either, and lose a body where they are sent elsewhere.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from registry.api.management import authorization, messages, registry
from registry.api.management.base import ManagementView
from registry.api.management.content import (
    exports,
    logs,
    manifests,
    notifications,
    permissions,
    policies,
    repositories,
    search,
    tags,
)
from registry.api.management.operations import Operation, Operations
from registry.api.management.people import (
    applications,
    apptokens,
    logins,
    organizations,
    prototypes,
    robots,
    superusers,
    teams,
    users,
)


class Route(NamedTuple):
    """``path`` is below ``/api/v1/``, with places in braces."""

    name: str
    path: str
    view: type[ManagementView]
    operations: Operations


def _route(name: str, path: str, view: type[ManagementView], **methods: str) -> Route:
    operations = {method: _operation(*words.split()) for method, words in methods.items()}
    return Route(name, path, view, operations)


def _operation(name: str, right: Any, scope: str = "") -> Operation:
    return Operation(name, right, scope)


def _open() -> Iterator[Route]:
    """What everybody may ask."""
    yield _route("sign-in", "signin", logins.SignInView, POST="signinUser anybody")
    yield _route(
        "initialize",
        "user/initialize",
        superusers.FirstUserView,
        POST="initializeUser anybody",
    )
    yield _route("sign-out", "signout", logins.SignOutView, POST="logout anybody")
    yield _route("error", "error/{kind}", users.ErrorView, GET="getErrorDescription anybody")
    yield _route(
        "capabilities",
        "registry/capabilities",
        users.CapabilitiesView,
        GET="getRegistryCapabilities anybody",
    )
    yield _route(
        "exported-log",
        "exportedlogs/{key}",
        exports.ExportedView,
        GET="getExportedLog anybody",
    )
    yield _route(
        "messages",
        "messages",
        messages.MessagesView,
        GET="getGlobalMessages anybody",
        POST="createGlobalMessage superuser super:user",
    )
    yield _route(
        "message",
        "message/{message}",
        messages.MessageView,
        DELETE="deleteGlobalMessage superuser super:user",
    )


def _people() -> Iterator[Route]:
    yield _route(
        "user",
        "user/",
        users.UserView,
        GET="getLoggedInUser person user:read",
        POST="createNewUser anybody",
    )
    yield _route("other-user", "users/{user}", users.OtherUserView, GET="getUserInformation person")
    yield _route(
        "entities", "entities/{prefix}", users.EntitiesView, GET="getMatchingEntities person"
    )
    yield _route(
        "notices",
        "user/notifications",
        users.NotificationsView,
        GET="listUserNotifications person user:admin",
    )
    yield _route(
        "apptokens",
        "user/apptoken",
        apptokens.TokensView,
        GET="listAppTokens person user:admin",
        POST="createAppToken person user:admin",
    )
    yield _route(
        "apptoken",
        "user/apptoken/{token}",
        apptokens.TokenView,
        GET="getAppToken person user:admin",
        DELETE="revokeAppToken person user:admin",
    )
    yield _route(
        "stars",
        "user/starred",
        repositories.StarsView,
        GET="listStarredRepos person user:admin",
        POST="createStar person repo:read",
    )
    yield _route(
        "star",
        "user/starred/{name}",
        repositories.StarView,
        DELETE="deleteStar person user:admin",
    )


def _organizations() -> Iterator[Route]:
    yield _route(
        "organizations",
        "organization/",
        organizations.OrganizationsView,
        POST="createOrganization person user:admin",
    )
    one = "organization/{organization}"
    yield _route(
        "organization",
        one,
        organizations.OneOrganizationView,
        GET="getOrganization member",
        PUT="changeOrganizationDetails administrator org:admin",
        DELETE="deleteAdminedOrganization administrator org:admin",
    )
    yield _route(
        "members",
        f"{one}/members",
        organizations.MembersView,
        GET="getOrganizationMembers member org:admin",
    )
    yield _route(
        "member",
        f"{one}/members/{{member}}",
        organizations.MemberView,
        GET="getOrganizationMember member org:admin",
        DELETE="removeOrganizationMember administrator org:admin",
    )
    yield _route(
        "collaborators",
        f"{one}/collaborators",
        organizations.CollaboratorsView,
        GET="getOrganizationCollaborators member org:admin",
    )
    team = f"{one}/team/{{team}}"
    yield _route(
        "team",
        team,
        teams.TeamView,
        PUT="updateOrganizationTeam administrator org:admin",
        DELETE="deleteOrganizationTeam administrator org:admin",
    )
    yield _route(
        "team-members",
        f"{team}/members",
        teams.TeamMembersView,
        GET="getOrganizationTeamMembers member org:admin",
    )
    yield _route(
        "team-member",
        f"{team}/members/{{member}}",
        teams.TeamMemberView,
        PUT="updateOrganizationTeamMember administrator org:admin",
        DELETE="deleteOrganizationTeamMember administrator org:admin",
    )
    yield _route(
        "team-grants",
        f"{team}/permissions",
        teams.TeamPermissionsView,
        GET="getOrganizationTeamPermissions administrator org:admin",
    )
    yield _route(
        "prototypes",
        f"{one}/prototypes",
        prototypes.PrototypesView,
        GET="getOrganizationPrototypePermissions administrator org:admin",
        POST="createOrganizationPrototypePermission administrator org:admin",
    )
    yield _route(
        "prototype",
        f"{one}/prototypes/{{prototype}}",
        prototypes.PrototypeView,
        PUT="updateOrganizationPrototypePermission administrator org:admin",
        DELETE="deleteOrganizationPrototypePermission administrator org:admin",
    )


def _applications() -> Iterator[Route]:
    base, need = "organization/{organization}/applications", "administrator org:admin"
    one = f"{base}/{{client_id}}"
    yield _route(
        "applications",
        base,
        applications.ApplicationsView,
        GET=f"getOrganizationApplications {need}",
        POST=f"createOrganizationApplication {need}",
    )
    yield _route(
        "application",
        one,
        applications.ApplicationView,
        GET=f"getOrganizationApplication {need}",
        PUT=f"updateOrganizationApplication {need}",
        DELETE=f"deleteOrganizationApplication {need}",
    )
    yield _route(
        "application-secret",
        f"{one}/resetclientsecret",
        applications.NewSecretView,
        POST=f"resetOrganizationApplicationClientSecret {need}",
    )
    yield _route(
        "application-tokens",
        f"{one}/tokens",
        applications.ApplicationTokensView,
        GET=f"listOrganizationApplicationTokens {need}",
        POST=f"createOrganizationApplicationToken {need}",
    )
    yield _route(
        "application-token",
        f"{one}/tokens/{{token}}",
        applications.ApplicationTokenView,
        DELETE=f"deleteOrganizationApplicationToken {need}",
    )
    yield _route(
        "application-information",
        "app/{client_id}",
        applications.ApplicationInformationView,
        GET="getApplicationInformation person",
    )
    yield _route(
        "authorizations",
        "user/authorizations",
        applications.AuthorizationsView,
        GET="listUserAuthorizations person user:admin",
    )
    yield _route(
        "authorization",
        "user/authorizations/{authorization}",
        applications.AuthorizationView,
        GET="getUserAuthorization person user:admin",
        DELETE="deleteUserAuthorization person user:admin",
    )
    yield _route(
        "offers",
        "user/assignedauthorization",
        applications.OffersView,
        GET="listAssignedAuthorizations person user:admin",
    )
    yield _route(
        "offer",
        "user/assignedauthorization/{offer}",
        applications.OfferView,
        DELETE="deleteAssignedAuthorization person user:admin",
    )


def _robots(label: str, base: str, word: str, need: str) -> Iterator[Route]:
    """Robots of an organization, and of who calls."""
    one = f"{base}/robots/{{robot}}"
    yield _route(
        f"{label}-robots", f"{base}/robots", robots.RobotsView, GET=f"get{word}Robots {need}"
    )
    yield _route(
        f"{label}-robot",
        one,
        robots.RobotView,
        GET=f"get{word}Robot {need}",
        PUT=f"create{word}Robot {need}",
        DELETE=f"delete{word}Robot {need}",
    )
    yield _route(
        f"{label}-robot-token",
        f"{one}/regenerate",
        robots.NewTokenView,
        POST=f"regenerate{word}RobotToken {need}",
    )
    yield _route(
        f"{label}-robot-grants",
        f"{one}/permissions",
        robots.RobotPermissionsView,
        GET=f"get{word}RobotPermissions {need}",
    )

    yield _route(
        f"{label}-robot-federation",
        f"{one}/federation",
        robots.FederationView,
        GET=f"get{word}RobotFederation {need}",
        POST=f"create{word}RobotFederation {need}",
        DELETE=f"delete{word}RobotFederation {need}",
    )


def _pruning(label: str, base: str, word: str, need: str) -> Iterator[Route]:
    is_repository = label == "repository"
    yield _route(
        f"{label}-pruning",
        f"{base}/autoprunepolicy/",
        policies.RepositoryPruningsView if is_repository else policies.PruningsView,
        GET=f"list{word}AutoPrunePolicies {need}",
        POST=f"create{word}AutoPrunePolicy {need}",
    )
    yield _route(
        f"{label}-pruning-policy",
        f"{base}/autoprunepolicy/{{policy}}",
        policies.RepositoryPruningView if is_repository else policies.PruningView,
        GET=f"get{word}AutoPrunePolicy {need}",
        PUT=f"update{word}AutoPrunePolicy {need}",
        DELETE=f"delete{word}AutoPrunePolicy {need}",
    )


def _immutability(label: str, base: str, word: str, need: str) -> Iterator[Route]:
    is_repository = label == "repository"
    yield _route(
        f"{label}-immutability",
        f"{base}/immutabilitypolicy/",
        policies.RepositoryImmutabilitiesView if is_repository else policies.ImmutabilitiesView,
        GET=f"list{word}ImmutabilityPolicies {need}",
        POST=f"create{word}ImmutabilityPolicy {need}",
    )
    yield _route(
        f"{label}-immutability-policy",
        f"{base}/immutabilitypolicy/{{policy}}",
        policies.RepositoryImmutabilityView if is_repository else policies.ImmutabilityView,
        GET=f"get{word}ImmutabilityPolicy {need}",
        PUT=f"update{word}ImmutabilityPolicy {need}",
        DELETE=f"delete{word}ImmutabilityPolicy {need}",
    )


def _notifications(label: str, base: str, word: str, need: str, title: str) -> Iterator[Route]:
    is_repository = label == "repository"
    one = f"{base}/{{notification}}"
    yield _route(
        f"{label}-notifications",
        f"{base}/" if is_repository else base,
        notifications.RepositoryNotificationsView
        if is_repository
        else notifications.NotificationsView,
        GET=f"list{word}Notifications {need}",
        POST=f"create{word}Notification {need}",
    )
    yield _route(
        f"{label}-notification",
        one,
        notifications.RepositoryNotificationView
        if is_repository
        else notifications.NotificationView,
        GET=f"get{word}Notification {need}",
        POST=f"reset{title}NotificationFailures {need}",
        DELETE=f"delete{word}Notification {need}",
    )
    yield _route(
        f"{label}-notification-test",
        f"{one}/test",
        notifications.RepositoryTrialView if is_repository else notifications.TrialView,
        POST=f"test{word}Notification {need}",
    )


def _logs(label: str, base: str, word: str, need: str) -> Iterator[Route]:
    is_repository = label == "repository"
    yield _route(
        f"{label}-logs",
        f"{base}/logs",
        logs.RepositoryLogsView if is_repository else logs.LogsView,
        GET=f"list{word}Logs {need}",
    )
    yield _route(
        f"{label}-log-summary",
        f"{base}/aggregatelogs",
        logs.RepositorySummaryView if is_repository else logs.SummaryView,
        GET=f"getAggregate{word}Logs {need}",
    )
    yield _route(
        f"{label}-log-export",
        f"{base}/exportlogs",
        exports.RepositoryExportView if is_repository else exports.ExportView,
        POST=f"export{word}Logs {need}",
    )


def _tags() -> Iterator[Route]:
    tag = "repository/{name}/tag/{tag}"
    yield _route("tags", "repository/{name}/tag/", tags.TagsView, GET="listRepoTags pull repo:read")
    yield _route(
        "tag",
        tag,
        tags.TagView,
        PUT="changeTag push repo:write",
        DELETE="deleteFullTag delete repo:write",
    )
    yield _route("restore", f"{tag}/restore", tags.RestoreView, POST="restoreTag push repo:write")
    yield _route(
        "expire",
        f"{tag}/expire",
        tags.ExpireView,
        POST="removeTagFromTimemachine delete repo:write",
    )
    manifest = "repository/{name}/manifest/{digest}"
    yield _route("manifest", manifest, manifests.ManifestView, GET="getRepoManifest pull repo:read")
    yield _route(
        "labels",
        f"{manifest}/labels",
        manifests.LabelsView,
        GET="listManifestLabels pull repo:read",
        POST="addManifestLabel push repo:write",
    )
    yield _route(
        "label",
        f"{manifest}/labels/{{label}}",
        manifests.LabelView,
        GET="getManifestLabel pull repo:read",
        DELETE="deleteManifestLabel push repo:write",
    )
    yield _route(
        "manifest-pulls",
        f"{manifest}/pull_statistics",
        manifests.PullsView,
        GET="getManifestPullStatistics pull repo:read",
    )
    yield _route(
        "tag-pulls",
        f"{tag}/pull_statistics",
        manifests.TagPullsView,
        GET="getTagPullStatistics pull repo:read",
    )


def _permissions() -> Iterator[Route]:
    base = "repository/{name}/permissions"
    yield _route(
        "user-permissions",
        f"{base}/user/",
        permissions.UserPermissionsView,
        GET="listRepoUserPermissions * repo:admin",
    )
    yield _route(
        "user-permission",
        f"{base}/user/{{user}}",
        permissions.UserPermissionView,
        GET="getUserPermissions * repo:admin",
        PUT="changeUserPermissions * repo:admin",
        DELETE="deleteUserPermissions * repo:admin",
    )
    yield _route(
        "transitive-permission",
        f"{base}/user/{{user}}/transitive",
        permissions.TransitivePermissionView,
        GET="getUserTransitivePermission * repo:admin",
    )
    yield _route(
        "team-permissions",
        f"{base}/team/",
        permissions.TeamPermissionsView,
        GET="listRepoTeamPermissions * repo:admin",
    )
    yield _route(
        "team-permission",
        f"{base}/team/{{team}}",
        permissions.TeamPermissionView,
        GET="getTeamPermissions * repo:admin",
        PUT="changeTeamPermissions * repo:admin",
        DELETE="deleteTeamPermissions * repo:admin",
    )


def _repositories() -> Iterator[Route]:
    """The route that ends with a name comes last: what others know the end of is theirs."""
    yield _route(
        "repositories",
        "repository",
        repositories.RepositoriesView,
        GET="listRepos visitor repo:read",
        POST="createRepo creator repo:create",
    )
    yield from _tags()
    yield from _permissions()
    yield from _pruning("repository", "repository/{name}", "Repository", "* repo:admin")
    yield from _immutability("repository", "repository/{name}", "Repository", "* repo:admin")
    base = "repository/{name}/notification"
    yield from _notifications("repository", base, "Repo", "* repo:admin", "Repository")
    yield from _logs("repository", "repository/{name}", "Repo", "* repo:admin")
    yield _route(
        "visibility",
        "repository/{name}/changevisibility",
        repositories.VisibilityView,
        POST="changeRepoVisibility * repo:admin",
    )
    yield _route(
        "state",
        "repository/{name}/changestate",
        repositories.StateView,
        PUT="changeRepoState * repo:admin",
    )
    yield ITSELF


def _superusers() -> Iterator[Route]:
    yield _route(
        "superuser-users",
        "superuser/users/",
        superusers.UsersView,
        GET="listAllUsers superuser super:user",
        POST="createInstallUser superuser super:user",
    )
    yield _route(
        "superuser-user",
        "superuser/users/{user}",
        superusers.UserView,
        GET="getInstallUser superuser super:user",
        PUT="changeInstallUser superuser super:user",
        DELETE="deleteInstallUser superuser super:user",
    )
    yield _route(
        "superuser-organizations",
        "superuser/organizations/",
        superusers.OrganizationsView,
        GET="listAllOrganizations superuser super:user",
    )
    yield _route(
        "superuser-organization",
        "superuser/organizations/{organization}",
        superusers.OrganizationView,
        PUT="changeOrganization superuser super:user",
        DELETE="deleteOrganization superuser super:user",
    )
    yield _route(
        "superuser-logs",
        "superuser/logs",
        logs.AllLogsView,
        GET="listAllLogs superuser super:user",
    )
    yield _route(
        "superuser-log-summary",
        "superuser/aggregatelogs",
        logs.AllSummaryView,
        GET="getAllAggregateLogs superuser super:user",
    )

    yield _route(
        "take-ownership",
        "superuser/takeownership/{namespace}",
        superusers.TakeOwnershipView,
        POST="takeOwnership superuser super:user",
    )
    yield _route(
        "all-apptokens",
        "superuser/apptokens",
        apptokens.AllTokensView,
        GET="listAllAppTokens superuser super:user",
    )
    yield _route(
        "size",
        "superuser/registrysize/",
        registry.SizeView,
        GET="describeRegistrySize superuser super:user",
        POST="queueRegistrySizeCalculation superuser super:user",
    )
    yield _route(
        "signing-keys",
        "superuser/keys",
        registry.KeysView,
        GET="listServiceKeys superuser super:user",
    )
    yield _route(
        "changes",
        "superuser/changelog/",
        registry.ChangesView,
        GET="getChangeLog superuser super:user",
    )
    yield _route(
        "status",
        "superuser/registrystatus",
        registry.StatusView,
        GET="getRegistryStatus superuser super:user",
    )
    yield _route(
        "settings",
        "superuser/config",
        registry.SettingsView,
        GET="getRegistryConfig superuser super:user",
    )


ITSELF = _route(
    "repository",
    "repository/{name}",
    repositories.OneRepositoryView,
    GET="getRepo pull repo:read",
    PUT="updateRepo push repo:write",
    DELETE="deleteRepository * repo:admin",
)
# What is asked at the root and not below ``/api/v1/``.
BESIDE = (
    _route("csrf-token", "csrf_token", logins.CsrfTokenView, GET="getCsrfToken anybody"),
    _route("public-config", "config", registry.PublicConfigView, GET="getConfig anybody"),
    _route(
        "authorize-application",
        "oauth/authorizeapp",
        authorization.AuthorizeView,
        POST="authorizeApplication anybody",
    ),
    _route(
        "offer-token",
        "oauth/authorize/assignuser",
        authorization.OfferView,
        POST="assignUserToApplication anybody",
    ),
    _route(
        "access-token",
        "oauth/access_token",
        authorization.AccessTokenView,
        POST="redeemCode anybody",
    ),
    _route(
        "robot-token",
        "oauth2/federation/robot/token",
        authorization.RobotTokenView,
        GET="exchangeRobotToken anybody",
        POST="exchangeRobotToken anybody",
    ),
)

ROUTES = (
    *_open(),
    *_people(),
    *_robots("user", "user", "User", "person user:admin"),
    *_pruning("user", "user", "User", "person user:admin"),
    *_organizations(),
    *_applications(),
    *_robots("org", "organization/{organization}", "Org", "administrator org:admin"),
    *_pruning("org", "organization/{organization}", "Organization", "administrator org:admin"),
    *_immutability("org", "organization/{organization}", "Org", "administrator org:admin"),
    *_notifications(
        "org",
        "organization/{organization}/notifications",
        "Org",
        "administrator org:admin",
        "Org",
    ),
    *_notifications(
        "user",
        "user/namespacenotifications",
        "UserNamespace",
        "person user:admin",
        "UserNamespace",
    ),
    *_logs("org", "organization/{organization}", "Org", "administrator org:admin"),
    *_logs("user", "user", "User", "person user:admin"),
    *_superusers(),
    _route(
        "find-repositories",
        "find/repositories",
        search.RepositoriesView,
        GET="conductRepoSearch visitor repo:read",
    ),
    _route("find-all", "find/all", search.AllView, GET="conductSearch visitor repo:read"),
    *_repositories(),
)
