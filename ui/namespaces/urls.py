"""Organizations, and what people have beside their repositories."""

from django.urls import path

from ui.namespaces.default_permissions import DefaultPermissionPage, DefaultPermissionsPage
from ui.namespaces.deletion import DeleteOrganizationPage
from ui.namespaces.members import MembersPage
from ui.namespaces.organizations import NewOrganizationPage, OrganizationNamePart
from ui.namespaces.repositories import RepositoriesPage
from ui.namespaces.robots import (
    DeleteRobotPage,
    NewRobotPage,
    NewTokenPage,
    PullSecretFile,
    RobotPage,
    RobotsPage,
    RobotStatePage,
)
from ui.namespaces.settings import SettingsPage
from ui.namespaces.teams import DeleteTeamPage, TeamMemberPage, TeamPage, TeamsPage

_OF = "<namespace:namespace>/-"
_TEAM = f"{_OF}/teams/<namespace:team>"
_ROBOT = f"{_OF}/robots/<namespace:robot>"

urlpatterns = [
    path("new/organization", NewOrganizationPage.as_view(), name="new_organization"),
    path("new/organization/name", OrganizationNamePart.as_view(), name="organization_name"),
    path("<namespace:namespace>", RepositoriesPage.as_view(), name="namespace"),
    path(f"{_OF}/teams", TeamsPage.as_view(), name="teams"),
    path(_TEAM, TeamPage.as_view(), name="team"),
    path(f"{_TEAM}/members", TeamMemberPage.as_view(), name="team_member"),
    path(f"{_TEAM}/delete", DeleteTeamPage.as_view(), name="delete_team"),
    path(f"{_OF}/members", MembersPage.as_view(), name="members"),
    path(f"{_OF}/robots", RobotsPage.as_view(), name="robots"),
    path(f"{_OF}/new-robot", NewRobotPage.as_view(), name="new_robot"),
    path(_ROBOT, RobotPage.as_view(), name="robot"),
    path(f"{_ROBOT}/state", RobotStatePage.as_view(), name="robot_state"),
    path(f"{_ROBOT}/token", NewTokenPage.as_view(), name="robot_token"),
    path(f"{_ROBOT}/pull-secret.yaml", PullSecretFile.as_view(), name="robot_pull_secret"),
    path(f"{_ROBOT}/delete", DeleteRobotPage.as_view(), name="delete_robot"),
    path(
        f"{_OF}/default-permissions", DefaultPermissionsPage.as_view(), name="default_permissions"
    ),
    path(
        f"{_OF}/default-permissions/<int:permission>",
        DefaultPermissionPage.as_view(),
        name="default_permission",
    ),
    path(f"{_OF}/settings", SettingsPage.as_view(), name="namespace_settings"),
    path(f"{_OF}/settings/delete", DeleteOrganizationPage.as_view(), name="delete_organization"),
]
