"""Every address that is looked at, and by whom."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.browser.harbour import Harbour
from tests.browser.places import address_of, page_routes


@dataclass(frozen=True, slots=True)
class Visit:
    name: str
    path: str
    person: str = "alice"


# Who is shown a page that alice, who owns the organization, is not.
_ANONYMOUS = {
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_from_key",
    "account_password_reset_completed",
    "account_confirm_email",
    "account_email_verification_sent",
    "account_inactive",
    "socialaccount_login_cancelled",
}
_ADMINISTRATOR = {
    "ui:setup",
    "ui:status",
    "ui:registry_hooks",
    "ui:registry_new_hook",
    "ui:registry_hook",
    "ui:registry_change_hook",
    "ui:registry_remove_hook",
    "ui:registry_delivery",
    "ui:system",
    "ui:system_people",
    "ui:system_person",
    "ui:system_new_person",
    "ui:system_organizations",
    "ui:system_organization",
    "ui:system_announcements",
    "ui:system_announcement",
    "ui:system_audit",
    "ui:system_settings",
    "ui:system_setting",
}
# Steps of something that has not begun, and what is saved instead of shown.
_NOT_SHOWN = {
    "account_confirm_login_code",
    "account_confirm_password_reset_code",
    "account_complete_password_reset",
    "account_email",
    "account_set_password",
    "account_logout",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_login_webauthn",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_remove_webauthn",
    "mfa_edit_webauthn",
    "socialaccount_login_error",
    "socialaccount_signup",
    "openid_connect_login",
    "openid_connect_callback",
    "ui:theme",
    "ui:tool",
    "ui:put_away",
    "ui:tag_names",
    "ui:team_member",
    "ui:robot_state",
    "ui:robot_pull_secret",
    "ui:forget_tag",
    "ui:manifest_raw",
    "ui:blob",
    "ui:chart_file",
    "ui:file_raw",
    "ui:public_key",
    "ui:organization_name",
    "ui:suggestions",
    "ui:names",
    "ui:repository_names",
    "ui:repository_activity_export",
    "ui:namespace_activity_export",
    "ui:system_audit_export",
}
_MORE = (
    ("welcome-visitor", "/", ""),
    ("explore-visitor", "/explore", ""),
    ("organization-visitor", "/acme", ""),
    ("repository-visitor", "/acme/web", ""),
    ("organization-empty", "/blank", "alice"),
    ("person", "/alice", "alice"),
    ("repository-empty", "/alice/playground", "alice"),
    ("tags-empty", "/alice/playground/-/tags", "alice"),
    ("chart", "/acme/etherpad", "alice"),
    ("chart-tags", "/acme/etherpad/-/tags", "alice"),
    ("chart-tag", "/acme/etherpad/-/tags/0.1.0", "alice"),
    ("chart-compare", "/acme/etherpad/-/compare?a=0.1.0-rc.1&b=0.1.0", "alice"),
    ("chart-compare-files", "/acme/etherpad/-/compare/files?a=0.1.0-rc.1&b=0.1.0", "alice"),
    (
        "chart-compare-file",
        "/acme/etherpad/-/compare/file?a=0.1.0-rc.1&b=0.1.0&path=Chart.yaml",
        "alice",
    ),
    ("files", "/acme/notes/-/tags/v1", "alice"),
    ("wasm", "/acme/filter/-/tags/v1", "alice"),
    ("sif", "/acme/cluster/-/tags/v1", "alice"),
    ("policy-bundle", "/acme/rules/-/tags/v1", "alice"),
    ("new-hook-standard", "/acme/-/new-hook?format=standard", "alice"),
    ("new-hook-bell", "/acme/-/new-hook?format=bell", "alice"),
    ("search-all", "/search?q=a", "alice"),
    ("search-tags", "/search?in=tags&q=0", "alice"),
    ("search-nothing", "/search?q=nothing-is-called-so", "alice"),
    ("missing", "/acme/absent", ""),
    ("system-setting-switch", "/system/settings/FEATURE_USER_CREATION", "admin"),
    ("system-setting-yaml", "/system/settings/ALLOWED_OCI_ARTIFACT_TYPES", "admin"),
    ("admin", "/admin/", "admin"),
    ("admin-users", "/admin/users/user/", "admin"),
    ("admin-user", "/admin/users/user/add/", "admin"),
)


def visits(harbour: Harbour) -> Iterator[Visit]:
    for route in page_routes():
        if not route.is_shown or route.name in _NOT_SHOWN:
            continue
        person = "" if route.name in _ANONYMOUS else "alice"
        person = "admin" if route.name in _ADMINISTRATOR else person
        name = route.name.removeprefix("ui:").replace("_", "-")
        yield Visit(name, address_of(route, harbour.known), person)
    platform = harbour.known["arguments"]["ui:layer"]["digest"]
    image = f"/acme/web/-/manifests/{platform}"
    yield Visit("image", image)
    yield Visit("image-files-folder", f"{image}/files?in=srv/web")
    yield Visit("image-files-layer", f"{image}/files?layer=2&in=etc/web")
    yield Visit("image-files-found", f"{image}/files?q=web")
    for name, path, person in _MORE:
        yield Visit(name, path, person)
