"""What the field in the bar leads to beside what is stored: pages on which something is done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.urls import reverse

from accounts.credentials.principals import Principal
from registry.repositories.models import administered_namespaces
from registry.search.questions import Question


@dataclass(frozen=True, slots=True)
class Action:
    """``also`` are words by which it is found, too; ``page`` is the name of its route."""

    title: str
    page: str
    icon: str
    also: str = ""

    def fits(self, words: Sequence[str]) -> bool:
        text = f"{self.title} {self.also}".lower()
        return all(word in text for word in words)


_OF_EVERYBODY = (
    Action("Public repositories", "ui:explore", "globe", "explore browse"),
    Action("Manual", "ui:manual", "book-open", "documentation help"),
    Action("Keyboard shortcuts", "ui:help", "keyboard", "keys help"),
)
_OF_VISITORS = (Action("Sign in", "account_login", "log-in", "login account"),)
_OF_PEOPLE = (
    Action("New repository", "ui:new_repository", "package-plus", "create add"),
    Action("New organization", "ui:new_organization", "building-2", "create add"),
    Action("Application tokens", "ui:tokens", "key-round", "new create password login"),
    Action("Organizations", "ui:organizations", "building-2", "mine"),
    Action("Invitations", "ui:invitations", "mail-open", "teams"),
    Action("Notices", "ui:notices", "bell", "refused pushes"),
    Action("Settings", "ui:settings", "settings", "account profile"),
    Action("Change password", "account_change_password", "lock", "account settings"),
    Action("Two-step sign-in", "mfa_index", "shield-check", "second factor passkey totp account"),
)
_OF_SUPERUSERS = (
    Action("Administration", "ui:system", "shield", "registry overview"),
    Action("People", "ui:system_people", "users", "accounts users administration"),
    Action("New person", "ui:system_new_person", "user-plus", "create account user administration"),
    Action("All organizations", "ui:system_organizations", "building-2", "administration open"),
    Action("Settings of the registry", "ui:system_settings", "settings", "administration keys"),
    Action("Announcements", "ui:system_announcements", "megaphone", "administration announce"),
    Action("Audit", "ui:system_audit", "scroll-text", "administration log activity"),
    Action("Status", "ui:status", "activity", "health jobs errors administration"),
    Action("Hooks of the registry", "ui:registry_hooks", "webhook", "webhooks administration"),
    Action("Set up", "ui:setup", "rocket", "first steps administration"),
)
_NEW_ROBOT = Action("New robot account", "ui:new_robot", "bot", "create add")
_IN_ORGANIZATIONS = (
    _NEW_ROBOT,
    Action("New repository", "ui:new_repository", "package-plus", "create add"),
    Action("Activity", "ui:namespace_activity", "scroll-text", "log audit"),
    Action("Retention", "ui:retention", "timer", "rules expiry"),
    Action("Artifact policy", "ui:policy", "shield", "rules types"),
    Action("Keys", "ui:keys", "key", "signatures"),
    Action("Teams", "ui:teams", "users", "members people"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """A page, as it is offered."""

    title: str
    url: str
    icon: str


def find_actions(question: Question, principal: Principal, *, most: int) -> list[Way]:
    """Those called like all words; with the name of a namespace that the visitor administers,
    those in there."""
    words = [word for word in question.words if len(word) > 1]
    if not words:
        return []
    return list(islice(_ways(words, principal), most))


def _ways(words: Sequence[str], principal: Principal) -> Iterator[Way]:
    actions = [*_OF_EVERYBODY, *(_OF_VISITORS if principal.kind == "anonymous" else _OF_PEOPLE)]
    if principal.is_superuser:
        actions += _OF_SUPERUSERS
    for action in actions:
        if action.fits(words):
            yield Way(action.title, reverse(action.page), action.icon)
    if principal.kind == "anonymous":
        return
    if _NEW_ROBOT.fits(words):
        yield _way_in(principal.name, _NEW_ROBOT)
    named = administered_namespaces(principal).filter(name__in=words, organization__isnull=False)
    for name in named.order_by("name").values_list("name", flat=True):
        rest = [word for word in words if word != name]
        yield from (_way_in(name, action) for action in _IN_ORGANIZATIONS if action.fits(rest))


def _way_in(name: str, action: Action) -> Way:
    title = f"{action.title} in {name}"
    if action.page == "ui:new_repository":
        return Way(title, f"{reverse(action.page)}?namespace={name}", action.icon)
    return Way(title, reverse(action.page, kwargs={"namespace": name}), action.icon)
