"""What each operation answers when it did what it was asked for."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from registry.api.management.description import content, people, programs


class Answer(NamedTuple):
    """``form`` is the type of its JSON, ``None`` where there is no body."""

    status: int
    form: Any = None
    media_type: str = "application/json"


# What has one form for several places has one name there with another word in its middle.
_PLACES: Final = {
    "robots": ("Org", "User"),
    "pruning": ("Organization", "Repository", "User"),
    "immutability": ("Org", "Repository"),
    "hooks": ("Org", "Repo", "UserNamespace"),
    "logs": ("Org", "Repo", "User"),
}
_DONE: Final = (
    *("deleteAdminedOrganization", "deleteAssignedAuthorization", "deleteFullTag"),
    *("deleteGlobalMessage", "deleteInstallUser", "deleteManifestLabel", "deleteOrganization"),
    *("deleteOrganizationApplication", "deleteOrganizationApplicationToken", "deleteStar"),
    *("deleteOrganizationPrototypePermission", "deleteOrganizationTeam", "deleteRepository"),
    *("deleteOrganizationTeamMember", "deleteTeamPermissions", "deleteUserAuthorization"),
    *("deleteUserPermissions", "removeOrganizationMember", "revokeAppToken"),
    *("resetOrgNotificationFailures", "resetRepositoryNotificationFailures"),
    "resetUserNamespaceNotificationFailures",
)
_FOUND: Final[Mapping[str, Any]] = {
    "changeInstallUser": people.InstalledUser,
    "changeOrganization": people.InstalledOrganization,
    "changeOrganizationDetails": people.OrganizationDetails,
    "changeRepoState": people.Success,
    "changeRepoVisibility": people.Success,
    "changeTeamPermissions": content.TeamPermission,
    "changeUserPermissions": content.UserPermission,
    "conductRepoSearch": content.FoundRepositories,
    "conductSearch": content.Found,
    "createAppToken": programs.OneAppToken,
    "createInstallUser": people.UserWithPassword,
    "createNewUser": people.SignedUp,
    "createOrganizationApplication": programs.Application,
    "createOrganizationApplicationToken": programs.ApplicationToken,
    "createOrganizationPrototypePermission": people.PrototypePermission,
    "describeRegistrySize": programs.RegistrySize,
    "discovery": dict[str, Any],
    "getAllAggregateLogs": programs.AggregatedLogs,
    "getAppToken": programs.OneAppToken,
    "getApplicationInformation": programs.ApplicationInformation,
    "getChangeLog": programs.ChangeLog,
    "getErrorDescription": programs.ErrorDescription,
    "getGlobalMessages": programs.GlobalMessages,
    "getInstallUser": people.InstalledUser,
    "getLoggedInUser": people.LoggedInUser,
    "getManifestLabel": content.Label,
    "getManifestPullStatistics": content.ManifestPulls,
    "getMatchingEntities": people.Entities,
    "getOpenApiDocument": dict[str, Any],
    "getOrganization": people.OrganizationDetails,
    "getOrganizationApplication": programs.Application,
    "getOrganizationApplications": programs.Applications,
    "getOrganizationCollaborators": people.Collaborators,
    "getOrganizationMember": people.OrganizationMember,
    "getOrganizationMembers": people.OrganizationMembers,
    "getOrganizationPrototypePermissions": people.Prototypes,
    "getOrganizationTeamMembers": people.TeamMembers,
    "getOrganizationTeamPermissions": content.GrantedRoles,
    "getRegistryCapabilities": programs.Capabilities,
    "getRegistryConfig": programs.RegistryConfig,
    "getRegistryStatus": programs.RegistryStatus,
    "getRepo": content.Repository,
    "getRepoManifest": content.Manifest,
    "getTagPullStatistics": content.TagPulls,
    "getTeamPermissions": content.TeamPermission,
    "getUserAuthorization": programs.Authorization,
    "getUserInformation": people.UserInformation,
    "getUserPermissions": content.UserPermission,
    "getUserTransitivePermission": content.TransitivePermissions,
    "initializeUser": people.InitializedUser,
    "listAllAppTokens": programs.AppTokens,
    "listAllLogs": programs.Logs,
    "listAllOrganizations": people.InstalledOrganizations,
    "listAllUsers": people.InstalledUsers,
    "listAppTokens": programs.AppTokens,
    "listAssignedAuthorizations": programs.AssignedAuthorizations,
    "listManifestLabels": content.Labels,
    "listOrganizationApplicationTokens": programs.ApplicationTokens,
    "listRepoTags": content.Tags,
    "listRepoTeamPermissions": content.TeamPermissions,
    "listRepoUserPermissions": content.UserPermissions,
    "listRepos": content.Repositories,
    "listServiceKeys": programs.ServiceKeys,
    "listStarredRepos": content.StarredRepositories,
    "listUserAuthorizations": programs.Authorizations,
    "listUserNotifications": content.Notices,
    "logout": people.Success,
    "removeTagFromTimemachine": dict[str, Any],
    "resetOrganizationApplicationClientSecret": programs.Application,
    "restoreTag": dict[str, Any],
    "signinUser": people.Success,
    "takeOwnership": people.Namespaced,
    "updateOrganizationApplication": programs.Application,
    "updateOrganizationPrototypePermission": people.PrototypePermission,
    "updateOrganizationTeam": people.Team,
    "updateOrganizationTeamMember": people.TeamMember,
    "updateRepo": people.Success,
}
_MADE: Final[Mapping[str, Any]] = {
    "addManifestLabel": content.MadeLabel,
    "changeTag": str,
    "createGlobalMessage": None,
    "createOrganization": str,
    "createRepo": content.MadeRepository,
    "createStar": content.Star,
    "queueRegistrySizeCalculation": str,
}


def _answers() -> Iterator[tuple[str, Answer]]:
    for name in _DONE:
        yield name, Answer(204)
    for name, form in _FOUND.items():
        yield name, Answer(200, form)
    for name, form in _MADE.items():
        yield name, Answer(201, form)
    yield "getExportedLog", Answer(200, media_type="application/jsonl")
    for word in _PLACES["robots"]:
        yield f"get{word}Robots", Answer(200, people.Robots)
        yield f"get{word}Robot", Answer(200, people.Robot)
        yield f"create{word}Robot", Answer(201, people.Robot)
        yield f"delete{word}Robot", Answer(204)
        yield f"regenerate{word}RobotToken", Answer(200, people.Robot)
        yield f"get{word}RobotPermissions", Answer(200, content.GrantedRoles)
        yield f"get{word}RobotFederation", Answer(200, list[people.FederatedWorkload])
        yield f"create{word}RobotFederation", Answer(200, list[people.FederatedWorkload])
        yield f"delete{word}RobotFederation", Answer(204)
    for word in _PLACES["pruning"]:
        yield f"list{word}AutoPrunePolicies", Answer(200, content.AutoPrunePolicies)
        yield from _of_policy(f"{word}AutoPrunePolicy", content.AutoPrunePolicy)
    for word in _PLACES["immutability"]:
        yield f"list{word}ImmutabilityPolicies", Answer(200, content.ImmutabilityPolicies)
        yield from _of_policy(f"{word}ImmutabilityPolicy", content.ImmutabilityPolicy)
    for word in _PLACES["hooks"]:
        yield f"list{word}Notifications", Answer(200, content.Notifications)
        yield f"get{word}Notification", Answer(200, content.NotificationDetails)
        yield f"create{word}Notification", Answer(201, content.NotificationDetails)
        yield f"delete{word}Notification", Answer(204)
        yield f"test{word}Notification", Answer(200, dict[str, Any])
    for word in _PLACES["logs"]:
        yield f"list{word}Logs", Answer(200, programs.Logs)
        yield f"getAggregate{word}Logs", Answer(200, programs.AggregatedLogs)
        yield f"export{word}Logs", Answer(200, programs.LogExport)


def _of_policy(name: str, form: Any) -> Iterator[tuple[str, Answer]]:
    yield f"create{name}", Answer(201, content.Made)
    yield f"get{name}", Answer(200, form)
    yield f"update{name}", Answer(204)
    yield f"delete{name}", Answer(200, content.Made)


ANSWERS: Final = dict(_answers())
