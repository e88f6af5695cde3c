"""What happened, as a feed: a push is one line with all it brought, and names lead to pages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.urls import NoReverseMatch, reverse

from accounts.audit.models import AuditEvent
from ui.activity.words import actions, fact_of, phrase_of, subject_of
from ui.display.amounts import short_digest

TOGETHER: Final = timedelta(minutes=2)  # between what one push brings, part by part
_PUSH: Final = "manifest.push"
_REFUSED: Final = frozenset(
    {"manifest.refuse", "access.refuse", "user.sign-in.fail", "user.second-factor.fail"}
)
_DELETED: Final = frozenset({"tag.delete-for-good", "repository.remove", "repository.undelete"})
_GIVEN: Final = frozenset(
    {"repository.grant", "repository.revoke", "repository.visibility", "repository.state"}
    | {"organization.open"}
)
_RULED: Final = frozenset({"namespace.time-machine", "tag.expiry", "tag.immutable"})

_Fits = Callable[[str], bool]
# The first that fits an action is its kind; the last fits all that is left.
_KINDS: Final[Mapping[str, tuple[str, _Fits]]] = {
    "refusals": ("Refusals", lambda action: action in _REFUSED),
    "signatures": (
        "Signatures",
        lambda action: (
            action == "repository.signatures" or action.startswith(("public-key.", "signing-key."))
        ),
    ),
    "rules": (
        "Rules",
        lambda action: (
            action in _RULED
            or action.endswith(".policy.select")
            or action.startswith(("retention.", "immutability.", "artifact-policy."))
        ),
    ),
    "rights": (
        "Rights",
        lambda action: (
            action in _GIVEN
            or action.startswith(("team.", "default-permission.", "user.superuser."))
        ),
    ),
    "robots": (
        "Robots and tokens",
        lambda action: (
            action == "user.token.issue" or action.startswith(("robot.", "token.", "application."))
        ),
    ),
    "deletions": ("Deletions", lambda action: action in _DELETED or action.endswith(".delete")),
    "pushes": ("Pushes", lambda action: action.startswith(("manifest.", "tag.", "blob."))),
    "settings": ("Settings and accounts", lambda _: True),
}
KINDS: Final = tuple(  # as they are asked for: what happens most comes first
    (name, _KINDS[name][0]) for name in dict.fromkeys(("pushes", "refusals", "deletions", *_KINDS))
)


def kind_of(action: str) -> str:
    return next(name for name, (_, fits) in _KINDS.items() if fits(action))


def actions_of(kinds: Iterable[str]) -> list[str]:
    wanted = set(kinds)
    return [action for action in actions() if kind_of(action) in wanted]


@dataclass(frozen=True, slots=True)
class Place:
    """What an event is about, in short, and the page about it; empty where there is none."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """One event, or a push: ``parts`` are the manifests that came right before it.

    ``allowed_url`` leads from a refusal to what would have been taken.
    """

    event: AuditEvent
    icon: str
    phrase: str
    place: Place
    facts: Sequence[tuple[str, str | datetime]]
    digest: str = ""
    is_refused: bool = False
    allowed_url: str = ""
    parts: list[Place] = field(default_factory=list)


def feed(events: Iterable[AuditEvent]) -> list[Line]:
    """Events, the newest first, as lines."""
    lines: list[Line] = []
    last: AuditEvent | None = None  # of what the last line is made of
    for event in events:
        if lines and last is not None and _belongs(event, last, lines[-1].event):
            lines[-1].parts.append(place_of(event))
        else:
            lines.append(_line(event))
        last = event
    return lines


def _belongs(event: AuditEvent, last: AuditEvent, head: AuditEvent) -> bool:
    """Whether a manifest was pushed by its digest right before what tells the push."""
    return (
        event.action == head.action == _PUSH
        and "@" in event.target
        and "@" not in head.target
        and (event.actor, event.repository) == (head.actor, head.repository)
        and last.at - event.at <= TOGETHER
    )


def _line(event: AuditEvent) -> Line:
    facts = {name: value for name, value in event.facts.items() if value not in (None, "")}
    digest = facts.pop("digest", "")
    return Line(
        event=event,
        icon=subject_of(event.action).icon,
        phrase=phrase_of(event.action),
        place=place_of(event),
        facts=[(name.replace("_", " "), fact_of(value)) for name, value in facts.items()],
        digest=digest if isinstance(digest, str) and "@" not in event.target else "",
        is_refused=event.action in _REFUSED,
        allowed_url=_allowed_url(event),
    )


def place_of(event: AuditEvent) -> Place:
    path, target = event.repository, event.target
    if path and target.startswith(f"{path}@"):
        digest = target[len(path) + 1 :]
        url = _address("ui:manifest", repository=path, digest=digest)
        return Place(f"{path}@{short_digest(digest)}", url)
    if path and target.startswith(f"{path}:"):
        tag = target[len(path) + 1 :]
        return Place(target, _address("ui:tag", repository=path, tag=tag))
    if path and target == path:
        return Place(target, _address("ui:repository", repository=path))
    namespace, plus, robot = target.partition("+")
    if plus and namespace == event.namespace:
        return Place(target, _address("ui:robot", namespace=namespace, robot=robot))
    if target and target == event.namespace:
        return Place(target, _address("ui:namespace", namespace=target))
    return Place(target, "")


def _allowed_url(event: AuditEvent) -> str:
    if event.action != "manifest.refuse" or not event.repository:
        return ""
    return _address("ui:repository_policy", repository=event.repository)


def _address(page: str, **where: str) -> str:
    """Nothing where a name is none: what was refused may be called anything."""
    try:
        return reverse(page, kwargs=where)
    except NoReverseMatch:
        return ""
