"""Django's administration as one of our places: our name, our words, our order."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.credentials.second_factors import note_removal
from accounts.users.administration import AuditedAdmin, actor_of

# What belongs together, in the order in which administrators look for it.
_SECTIONS: Final[Mapping[str, Sequence[str]]] = {
    "People and organizations": (
        "users.User",
        "organizations.Organization",
        "organizations.Team",
        "users.Robot",
        "organizations.DefaultPermission",
        "credentials.AccessToken",
        "credentials.LoginThrottle",
        "account.EmailAddress",
        "mfa.Authenticator",
        "socialaccount.SocialAccount",
        "usersessions.UserSession",
    ),
    "Repositories and their rules": (
        "repositories.Repository",
        "policy.ArtifactPolicy",
        "retention.RetentionRule",
        "tags.ImmutabilityRule",
        "verification.PublicKey",
        "verification.Verdict",
        "verification.UnsignedPulls",
    ),
    "This registry": (
        "config.Setting",
        "announcements.Announcement",
        "credentials.SigningKey",
        "queue.Message",
        "audit.AuditEvent",
    ),
}
_REST: Final = "More"
_NAMES: Final[Mapping[str, str]] = {
    "credentials.AccessToken": "Application and robot tokens",
    "credentials.LoginThrottle": "Slowed-down sign-ins",
    "account.EmailAddress": "E-mail addresses",
    "mfa.Authenticator": "Second factors and passkeys",
    "socialaccount.SocialAccount": "Accounts elsewhere",
    "usersessions.UserSession": "Sessions",
    "verification.PublicKey": "Public keys for signatures",
    "verification.Verdict": "Verdicts on signatures",
    "credentials.SigningKey": "Keys that sign tokens",
    "queue.Message": "Jobs that wait or were given up",
    "audit.AuditEvent": "Audit log",
}
# Models of others: what nobody needs here, and what belongs to a person and can be taken away.
_UNUSED: Final = frozenset({"auth.Group", "socialaccount.SocialApp", "socialaccount.SocialToken"})
_FOREIGN: Final = frozenset({"account", "mfa", "socialaccount", "usersessions"})


class PossessionAdmin(AuditedAdmin):
    """What people made for themselves on our pages: to see, and to delete when they ask for it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def note(self, request: HttpRequest, verb: str, obj: Any) -> None:
        """A second factor is called here as where its owner removes it."""
        if not isinstance(obj, Authenticator):
            super().note(request, verb, obj)
            return
        note_removal(user=obj.user, factor=obj.type, now=timezone.now(), by=actor_of(request))


class BerthAdminSite(AdminSite):
    site_header = "Berth administration"
    site_title = "Berth"
    index_title = "Administration"
    site_url = "/"
    # /admin/web is the repository "web" of the user "admin": what is not ours is looked up further.
    final_catch_all_view = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Rows of others get pages on which nothing escapes the audit."""
        models: list[Any] = (
            [model_or_iterable] if isinstance(model_or_iterable, type) else [*model_or_iterable]
        )
        for model in models:
            if model._meta.label in _UNUSED:
                continue
            model_admin = admin_class
            if model._meta.app_label in _FOREIGN:
                shown = getattr(admin_class, "list_display", ("__str__",))
                model_admin = type(
                    admin_class.__name__, (PossessionAdmin,), {"list_display": shown}
                )
            super().register(model, model_admin, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        left = {model["model"]._meta.label: model for app in apps for model in app["models"]}
        for label, model in left.items():
            model["name"] = _NAMES.get(label, model["name"])
        sections = [
            _section(title, [left.pop(label) for label in labels if label in left])
            for title, labels in _SECTIONS.items()
        ]
        return [section for section in (*sections, _section(_REST, [*left.values()])) if section]


def _section(title: str, models: list[Any]) -> dict[str, Any]:
    if not models:
        return {}
    return {
        "name": title,
        "app_label": title.lower().replace(" ", "-"),
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "models": models,
    }
