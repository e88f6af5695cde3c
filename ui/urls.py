"""Every page. Those with fixed names come first: no organization can be called like them."""

from django.urls import path

from ui.accounts.authorize import AuthorizePage, LocalApplicationPage
from ui.accounts.doors import account_pages
from ui.activity.notices import NoticesPage
from ui.activity.pages import (
    NamespaceActivity,
    NamespaceExport,
    RepositoryActivity,
    RepositoryExport,
)
from ui.administration.urls import registry_pages
from ui.comparison.files import CompareFilePage, CompareFilesPage
from ui.comparison.overview import ComparePage
from ui.comparison.packages import ComparePackagesPage
from ui.contents.content import ManifestPage, TagPage
from ui.contents.downloads import BlobDownload, ChartFileDownload, KeyDownload, ManifestDownload
from ui.contents.referrers import ReferrersPage
from ui.files.images import ImagePage
from ui.files.layers import LayerPage
from ui.files.texts import FileDownload, FilePage
from ui.hooks.urls import hook_pages
from ui.manual.views import ContentsPage, ManualPage, ReferencePage
from ui.namespaces.applications import (
    ApplicationPage,
    ApplicationsPage,
    DeleteApplicationPage,
    NewSecretPage,
)
from ui.namespaces.default_permissions import DefaultPermissionPage, DefaultPermissionsPage
from ui.namespaces.leaving import LeavePage
from ui.namespaces.members import MembersPage
from ui.namespaces.organizations import (
    DeleteOrganizationPage,
    NewOrganizationPage,
    OrganizationNamePart,
    OrganizationSettingsPage,
)
from ui.namespaces.repositories import RepositoriesPage
from ui.namespaces.robots import (
    DeleteRobotPage,
    NewRobotPage,
    NewTokenPage,
    PullSecretFile,
    RobotPage,
    RobotsPage,
    RobotStatePage,
    WorkloadsPage,
)
from ui.namespaces.teams import DeleteTeamPage, TeamMemberPage, TeamPage, TeamsPage
from ui.paths import as_written, register_all, without_slash
from ui.places import NamespacePlace, RegistryPlace, RepositoryPlace
from ui.repositories.access import AccessPage, GrantPage
from ui.repositories.deletion import DeletedRepositoriesPage, DeletedRepositoryPage, DeletePage
from ui.repositories.new import NewRepositoryPage
from ui.repositories.overview import OverviewPage
from ui.repositories.settings import DescriptionPage, RepositorySettingsPage, VisibilityPage
from ui.rules.immutability import (
    NamespaceImmutability,
    NamespaceRuleRemoval,
    RepositoryImmutability,
    RepositoryRuleRemoval,
)
from ui.rules.keys import KeyRemoval, KeysPage
from ui.rules.overview import RulesPage
from ui.rules.policy import (
    NamespacePolicy,
    NamespacePolicyChange,
    RepositoryPolicy,
    RepositoryPolicyChange,
)
from ui.rules.retention import (
    NamespaceRetention,
    NamespaceRetentionRun,
    RepositoryRetention,
    RepositoryRetentionRun,
)
from ui.rules.signatures import SignatureRequirementPage
from ui.rules.time_machine import TimeMachinePage
from ui.search.pages import SearchPage, SuggestionsPage
from ui.search.picker import NamespacePicker, RepositoryPicker
from ui.start.explore import ExplorePage, OrganizationsPage
from ui.start.stars import StarsPage
from ui.start.styleguide import StyleguidePage
from ui.start.welcome import HelpPage, WelcomePage, choose_theme, choose_tool, put_away
from ui.tags.changes import ChangePage
from ui.tags.history import HistoryPage
from ui.tags.new_tag import AddTagPage
from ui.tags.restoring import ForgetPage, RestorePage
from ui.tags.signatures import SignaturesPage
from ui.tags.tag_list import TagListPage, TagPicker

app_name = "ui"
register_all()

_NAMESPACE = "<namespace:namespace>/-"
_TEAM = f"{_NAMESPACE}/teams/<namespace:team>"
_ROBOT = f"{_NAMESPACE}/robots/<namespace:robot>"
_APPLICATION = f"{_NAMESPACE}/applications/<slug:client_id>"
_DELETED = f"{_NAMESPACE}/deleted"
_REPOSITORY = "<repository:repository>/-"
_MANIFEST = f"{_REPOSITORY}/manifests/<digest:digest>"
_RULES = f"{_REPOSITORY}/rules"

urlpatterns = [
    path("", WelcomePage.as_view(), name="welcome"),
    path("explore", ExplorePage.as_view(), name="explore"),
    path("organizations", OrganizationsPage.as_view(), name="organizations"),
    path("account/stars", StarsPage.as_view(), name="stars"),
    path("search", SearchPage.as_view(), name="search"),
    path("search/suggestions", SuggestionsPage.as_view(), name="suggestions"),
    path("help", HelpPage.as_view(), name="help"),
    path("styleguide", StyleguidePage.as_view(), name="styleguide"),
    path("settings/theme", choose_theme, name="theme"),
    path("settings/tool", choose_tool, name="tool"),
    path("settings/put-away", put_away, name="put_away"),
    path("notifications", NoticesPage.as_view(), name="notices"),
    *account_pages,
    path("oauth/authorize", AuthorizePage.as_view(), name="authorize"),
    path("oauth/localapp", LocalApplicationPage.as_view(), name="local_application"),
    path("docs", as_written, {"page": "manual"}),
    path("login", as_written, {"page": "account_login"}),
    path("docs/", ContentsPage.as_view(), name="manual"),
    path("docs/api/reference", ReferencePage.as_view(), name="reference"),
    path("docs/<slug:name>", ManualPage.as_view(), name="manual_page"),
    *registry_pages(),
    *hook_pages(RegistryPlace, "webhooks"),
    *hook_pages(RepositoryPlace, _REPOSITORY),
    *hook_pages(NamespacePlace, _NAMESPACE),
    path(f"{_REPOSITORY}/tags/<tag:tag>", TagPage.as_view(), name="tag"),
    path(_MANIFEST, ManifestPage.as_view(), name="manifest"),
    path(f"{_MANIFEST}/raw", ManifestDownload.as_view(), name="manifest_raw"),
    path(f"{_MANIFEST}/referrers", ReferrersPage.as_view(), name="referrers"),
    path(f"{_MANIFEST}/blobs/<digest:blob>", BlobDownload.as_view(), name="blob"),
    path(f"{_MANIFEST}/files", ImagePage.as_view(), name="image_files"),
    path(f"{_MANIFEST}/layers/<digest:blob>", LayerPage.as_view(), name="layer"),
    path(f"{_MANIFEST}/layers/<digest:blob>/file", FilePage.as_view(), name="file"),
    path(f"{_MANIFEST}/layers/<digest:blob>/raw", FileDownload.as_view(), name="file_raw"),
    path(f"{_MANIFEST}/chart/<str:file>", ChartFileDownload.as_view(), name="chart_file"),
    path(
        f"{_REPOSITORY}/keys/<slug:fingerprint>",
        KeyDownload.as_view(),
        name="public_key",
    ),
    path(f"{_REPOSITORY}/tag-names", TagPicker.as_view(), name="tag_names"),
    path(f"{_REPOSITORY}/tags", TagListPage.as_view(), name="tags"),
    path(f"{_REPOSITORY}/change-tags", ChangePage.as_view(), name="change_tags"),
    path(f"{_REPOSITORY}/add-tag/<digest:digest>", AddTagPage.as_view(), name="add_tag"),
    path(f"{_REPOSITORY}/history", HistoryPage.as_view(), name="history"),
    path(f"{_REPOSITORY}/restore-tag", RestorePage.as_view(), name="restore_tag"),
    path(f"{_REPOSITORY}/forget-tag", ForgetPage.as_view(), name="forget_tag"),
    path(f"{_REPOSITORY}/signatures", SignaturesPage.as_view(), name="signatures"),
    path(f"{_REPOSITORY}/compare", ComparePage.as_view(), name="compare"),
    path(f"{_REPOSITORY}/compare/files", CompareFilesPage.as_view(), name="compare_files"),
    path(f"{_REPOSITORY}/compare/file", CompareFilePage.as_view(), name="compare_file"),
    path(f"{_REPOSITORY}/compare/packages", ComparePackagesPage.as_view(), name="compare_packages"),
    path(
        f"{_REPOSITORY}/activity",
        RepositoryActivity.as_view(),
        name="repository_activity",
    ),
    path(
        f"{_REPOSITORY}/activity.<slug:form>",
        RepositoryExport.as_view(),
        name="repository_activity_export",
    ),
    path(
        f"{_NAMESPACE}/activity",
        NamespaceActivity.as_view(),
        name="namespace_activity",
    ),
    path(
        f"{_NAMESPACE}/activity.<slug:form>",
        NamespaceExport.as_view(),
        name="namespace_activity_export",
    ),
    path(f"{_NAMESPACE}/policy", NamespacePolicy.as_view(), name="policy"),
    path(f"{_NAMESPACE}/policy/change", NamespacePolicyChange.as_view(), name="policy_change"),
    path(f"{_NAMESPACE}/retention", NamespaceRetention.as_view(), name="retention"),
    path(f"{_NAMESPACE}/retention/run", NamespaceRetentionRun.as_view(), name="retention_run"),
    path(f"{_NAMESPACE}/time-machine", TimeMachinePage.as_view(), name="time_machine"),
    path(f"{_NAMESPACE}/immutable", NamespaceImmutability.as_view(), name="immutability"),
    path(
        f"{_NAMESPACE}/immutable/<int:rule>/remove",
        NamespaceRuleRemoval.as_view(),
        name="immutability_remove",
    ),
    path(f"{_NAMESPACE}/keys", KeysPage.as_view(), name="keys"),
    path(f"{_NAMESPACE}/keys/<int:key>/remove", KeyRemoval.as_view(), name="key_remove"),
    path(_RULES, RulesPage.as_view(), name="rules"),
    path(f"{_RULES}/policy", RepositoryPolicy.as_view(), name="repository_policy"),
    path(
        f"{_RULES}/policy/change",
        RepositoryPolicyChange.as_view(),
        name="repository_policy_change",
    ),
    path(f"{_RULES}/retention", RepositoryRetention.as_view(), name="repository_retention"),
    path(
        f"{_RULES}/retention/run",
        RepositoryRetentionRun.as_view(),
        name="repository_retention_run",
    ),
    path(
        f"{_RULES}/immutable",
        RepositoryImmutability.as_view(),
        name="repository_immutability",
    ),
    path(
        f"{_RULES}/immutable/<int:rule>/remove",
        RepositoryRuleRemoval.as_view(),
        name="repository_immutability_remove",
    ),
    path(
        f"{_RULES}/signatures",
        SignatureRequirementPage.as_view(),
        name="signature_requirement",
    ),
    path("new/organization", NewOrganizationPage.as_view(), name="new_organization"),
    path("new/organization/name", OrganizationNamePart.as_view(), name="organization_name"),
    path("<namespace:namespace>", RepositoriesPage.as_view(), name="namespace"),
    path(f"{_NAMESPACE}/teams", TeamsPage.as_view(), name="teams"),
    path(_TEAM, TeamPage.as_view(), name="team"),
    path(f"{_TEAM}/members", TeamMemberPage.as_view(), name="team_member"),
    path(f"{_TEAM}/delete", DeleteTeamPage.as_view(), name="delete_team"),
    path(f"{_NAMESPACE}/names", NamespacePicker.as_view(), name="names"),
    path(f"{_NAMESPACE}/members", MembersPage.as_view(), name="members"),
    path(f"{_NAMESPACE}/leave", LeavePage.as_view(), name="leave"),
    path(f"{_NAMESPACE}/applications", ApplicationsPage.as_view(), name="applications"),
    path(_APPLICATION, ApplicationPage.as_view(), name="application"),
    path(f"{_APPLICATION}/secret", NewSecretPage.as_view(), name="application_secret"),
    path(f"{_APPLICATION}/delete", DeleteApplicationPage.as_view(), name="delete_application"),
    path(f"{_ROBOT}/workloads", WorkloadsPage.as_view(), name="workloads"),
    path(f"{_NAMESPACE}/robots", RobotsPage.as_view(), name="robots"),
    path(f"{_NAMESPACE}/new-robot", NewRobotPage.as_view(), name="new_robot"),
    path(_ROBOT, RobotPage.as_view(), name="robot"),
    path(f"{_ROBOT}/state", RobotStatePage.as_view(), name="robot_state"),
    path(f"{_ROBOT}/token", NewTokenPage.as_view(), name="robot_token"),
    path(f"{_ROBOT}/pull-secret.yaml", PullSecretFile.as_view(), name="robot_pull_secret"),
    path(f"{_ROBOT}/delete", DeleteRobotPage.as_view(), name="delete_robot"),
    path(
        f"{_NAMESPACE}/default-permissions",
        DefaultPermissionsPage.as_view(),
        name="default_permissions",
    ),
    path(
        f"{_NAMESPACE}/default-permissions/<int:permission>",
        DefaultPermissionPage.as_view(),
        name="default_permission",
    ),
    path(f"{_NAMESPACE}/settings", OrganizationSettingsPage.as_view(), name="namespace_settings"),
    path(
        f"{_NAMESPACE}/settings/delete",
        DeleteOrganizationPage.as_view(),
        name="delete_organization",
    ),
    path("new/repository", NewRepositoryPage.as_view(), name="new_repository"),
    path("<repository:repository>", OverviewPage.as_view(), name="repository"),
    path("<repository:repository>:<tag:tag>", as_written, {"page": "tag"}),
    path("<repository:repository>@<digest:digest>", as_written, {"page": "manifest"}),
    path("<repository:repository>:<tag:tag>@<digest:digest>", as_written, {"page": "manifest"}),
    path(f"{_REPOSITORY}/description", DescriptionPage.as_view(), name="description"),
    path(f"{_REPOSITORY}/names", RepositoryPicker.as_view(), name="repository_names"),
    path(f"{_REPOSITORY}/access", AccessPage.as_view(), name="access"),
    path(f"{_REPOSITORY}/access/<int:grant>", GrantPage.as_view(), name="grant"),
    path(f"{_REPOSITORY}/settings", RepositorySettingsPage.as_view(), name="repository_settings"),
    path(f"{_REPOSITORY}/visibility", VisibilityPage.as_view(), name="visibility"),
    path(f"{_REPOSITORY}/delete", DeletePage.as_view(), name="delete_repository"),
    path(_DELETED, DeletedRepositoriesPage.as_view(), name="deleted_repositories"),
    path(f"{_DELETED}/<int:deleted>", DeletedRepositoryPage.as_view(), name="deleted_repository"),
    path("<repository:place>/", without_slash),
    path("<namespace:place>/", without_slash),
]
