"""Making hooks, changing them, trying them, and sending again what did not arrive."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.outgoing.addresses import parse_address
from accounts.outgoing.client import permission
from accounts.users.models import Namespace, User
from accounts.users.services import bump_access_epoch
from artifacts.oci.patterns import PatternInvalid, Syntax, TagPattern
from registry.events.formats.catalogue import FORMATS, LOCAL
from registry.events.formats.standards import check_template
from registry.events.kinds import NEVER, TITLES, EventType
from registry.events.models import Delivery, DeliveryState, Hook, HookState, event_of
from registry.events.notices import is_target
from registry.events.outbox import forget_hooks, registry_host, send_soon
from registry.events.secrets import Secrets, SecretsUnreadable, is_secret

if TYPE_CHECKING:
    from registry.repositories.models import Repository

MOST_HOOKS: Final = 20  # of one place
MOST_HEADERS: Final = 5
MOST_DAYS: Final = 365  # before a tag expires
MAX_TITLE_LENGTH: Final = 100
REVIVED_SINCE: Final = timedelta(hours=24)
MOST_SENT_AGAIN: Final = 1000  # at once
_MAX_HEADER_LENGTH: Final = 2000
_MAX_OPTIONS_BYTES: Final = 20_000
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_ROOM: Final = re.compile(r"[!#][^\s/?]{1,254}")
_OUR_HEADERS: Final = frozenset(
    {
        *("host", "connection", "content-length", "content-type", "transfer-encoding", "te"),
        *("accept-encoding", "content-encoding", "upgrade", "expect", "trailer", "keep-alive"),
        *("user-agent", "proxy-authorization", "proxy-connection"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
        *("x-hub-signature-256", "x-signature", "x-berth-event", "x-berth-delivery"),
    }
)


class HookRefused(AccountError):
    """Something about the hook cannot be; ``field`` says what."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class HookTerms:
    """What somebody says about a hook.

    Args:
        options: ``email`` of the format of that name, ``room`` of Matrix, ``template``; beside
            them whatever an API wants to find again.
    """

    format: str
    events: Collection[str]
    url: str = ""
    title: str = ""
    pattern: str = ""
    syntax: str = Syntax.GLOB.value
    options: Mapping[str, Any] = field(default_factory=dict)


def create_hook(
    *,
    place: "Repository | Namespace | None",
    terms: HookTerms,
    secret: str = "",
    headers: Mapping[str, str] | None = None,
    now: datetime,
    by: Actor = SYSTEM,
) -> Hook:
    """Tell somebody what happens in a repository, in a namespace, or with ``None`` anywhere.

    Raises ``HookRefused``, and ``AddressRefused``.
    """
    secrets = Secrets(secret=_checked_secret(secret), headers=_checked_headers(headers or {}))
    check_terms(terms, place, by, has_headers=bool(secrets.headers))
    hook = Hook(sealed=secrets.seal(), created_at=now, created_by=by.name[:255])
    _apply(hook, terms)
    if place is not None:
        setattr(hook, "namespace" if isinstance(place, Namespace) else "repository", place)
    with transaction.atomic():
        if Hook.objects.of(place).count() >= MOST_HOOKS:
            raise HookRefused(f"there are {MOST_HOOKS} hooks here, which is the most there can be")
        hook.save(force_insert=True)
        _did(by, "hook.create", hook, now)
    return hook


def change_hook(
    *,
    hook: Hook,
    terms: HookTerms,
    secret: str | None = None,
    headers: Mapping[str, str] | None = None,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Change all that is said of a hook. A secret of ``None`` stays, and so do such headers.

    A former secret goes on proving what is sent for a day. Raises as ``create_hook`` does.
    """
    secrets = _secrets_of(hook, is_replaced=secret is not None and headers is not None)
    if secret is not None and secret != secrets.secret:
        secrets = secrets.replaced(_checked_secret(secret), now=now)
    if headers is not None:
        secrets = replace(secrets, headers=_checked_headers(headers))
    check_terms(terms, hook.repository or hook.namespace, by, has_headers=bool(secrets.headers))
    with transaction.atomic():
        _apply(hook, terms)
        hook.sealed = secrets.seal()
        hook.save()
        _did(by, "hook.change", hook, now)


def reseal_hooks() -> list[str]:
    """Encrypt all secrets under SECRET_KEY; return the hooks whose cannot be read any more."""
    lost = []
    for pk, sealed in Hook.objects.exclude(sealed="").values_list("pk", "sealed").iterator():
        try:
            again = Secrets.unseal(sealed).seal()
        except SecretsUnreadable:
            lost.append(f"secrets of hook {pk}")
            continue
        Hook.objects.filter(pk=pk, sealed=sealed).update(sealed=again)
    return lost


def remove_hook(*, hook: Hook, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        _did(by, "hook.remove", hook, now)
        hook.delete()


def pause_hook(*, hook: Hook, now: datetime, by: Actor = SYSTEM) -> None:
    """Tell it nothing of what happens from now on; what waits stays waiting."""
    with transaction.atomic():
        Hook.objects.filter(pk=hook.pk).update(state=HookState.PAUSED)
        _did(by, "hook.pause", hook, now)
    hook.state = HookState.PAUSED


def resume_hook(*, hook: Hook, with_dead: bool = False, now: datetime, by: Actor = SYSTEM) -> None:
    """Begin anew with a hook that was paused, rests or was disabled: it has not failed yet.

    Args:
        with_dead: also send what was given up since ``REVIVED_SINCE``.
    """
    with transaction.atomic():
        Hook.objects.filter(pk=hook.pk).update(
            state=HookState.ACTIVE,
            why_disabled="",
            failures=0,
            failing_since=None,
            resting_until=None,
        )
        if with_dead:
            _send_again(hook.deliveries.filter(ended_at__gt=now - REVIVED_SINCE), now)
        _did(by, "hook.resume", hook, now)
    hook.refresh_from_db()


def send_again(*, deliveries: Collection[int], hook: Hook, now: datetime) -> int:
    """Deliver once more what has ended, however it did; return how many. Their ids stay."""
    with transaction.atomic():
        return _send_again(hook.deliveries.filter(pk__in=deliveries), now)


def send_dead_again(
    *, hook: Hook, since: datetime | None = None, until: datetime | None = None, now: datetime
) -> int:
    """Deliver once more what was given up, or whatever happened in a stretch of time."""
    rows = hook.deliveries.all()
    if since or until:
        within = Q(event__at__gte=since) if since else Q()
        within &= Q(event__at__lt=until) if until else Q()
        rows = rows.filter(within)
    else:
        rows = rows.filter(state=DeliveryState.DEAD)
    with transaction.atomic():
        return _send_again(rows, now)


def send_test(
    *, hook: Hook, kind: EventType = EventType.PING, now: datetime, by: Actor = SYSTEM
) -> Delivery:
    """Put a made-up event into the queue of a hook. Raises ``HookRefused`` when it is off."""
    if hook.state == HookState.DISABLED:
        raise HookRefused("the hook is disabled; switch it on again first")
    uuid = uuid4()
    event = event_of(kind, sample(hook, by, now) | {"id": str(uuid)}, now=now, uuid=uuid)
    event.is_waiting = False
    with transaction.atomic():
        event.save(force_insert=True)
        delivery = Delivery.objects.create(hook=hook, event=event, created_at=now, next_at=now)
        transaction.on_commit(send_soon, robust=True)
    return delivery


def sample(hook: Hook, by: Actor, now: datetime) -> dict[str, Any]:
    """What an event might say where the hook is."""
    place = hook.repository.path if hook.repository else f"{hook.namespace or 'library'}/example"
    namespace = place.partition("/")[0]
    return {
        "registry": registry_host(),
        "namespace": namespace,
        "repository": place,
        "is_public": bool(hook.repository and hook.repository.is_public),
        "repository_created_at": now.isoformat(),
        "tag": "latest",
        "digest": "sha256:" + "0" * 64,
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "kind": "image",
        "size": 1024,
        "expires_at": (now + timedelta(days=5)).isoformat(),
        "reason": "this is a test",
        "removed": 1,
        "holder": by.name,
        "role": "read",
        "title": "example",
        "is_test": True,
        "actor": {"name": by.name, "kind": "user"},
    }


def kinds_of(format_name: str) -> list[EventType]:
    """What a hook of a format can ask for, in the order in which people read them."""
    return [kind for kind in TITLES if kind in FORMATS[format_name].kinds]


def check_terms(
    terms: HookTerms, place: "Repository | Namespace | None", by: Actor, *, has_headers: bool
) -> None:
    """Raises ``HookRefused``, and ``AddressRefused``."""
    if terms.format not in FORMATS:
        raise HookRefused(f"a format is one of {', '.join(FORMATS)}", field="format")
    if len(terms.title) > MAX_TITLE_LENGTH or not (terms.title + "-").isprintable():
        raise HookRefused(
            f"a title has at most {MAX_TITLE_LENGTH} characters, on one line", field="title"
        )
    kinds = [*kinds_of(terms.format), *(NEVER & FORMATS[terms.format].kinds)]
    for kind in terms.events:
        if kind not in kinds:
            raise HookRefused(
                f"{FORMATS[terms.format].title} has no words for {kind[:60]!r}; it has for"
                f" {', '.join(kinds)}",
                field="events",
            )
    if not terms.events:
        raise HookRefused("choose at least one event", field="events")
    if terms.pattern:
        try:
            TagPattern(terms.pattern, Syntax(terms.syntax))
        except (PatternInvalid, ValueError) as error:
            raise HookRefused(str(error), field="pattern") from error
    _check_options(terms, place, by)
    if terms.format not in LOCAL:
        parse_address(terms.url, permission(with_secret=has_headers))


def _check_options(terms: HookTerms, place: "Repository | Namespace | None", by: Actor) -> None:
    if len(repr(dict(terms.options))) > _MAX_OPTIONS_BYTES:
        raise HookRefused("the hook has too many options")
    days = terms.options.get("days", 1)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise HookRefused(f"days are a number from 1 to {MOST_DAYS}", field="days")
    match terms.format:
        case "email":
            _check_email(str(terms.options.get("email", "")), place, by)
        case "bell" if place is None or not is_target(terms.options.get("target"), place):
            raise HookRefused("nobody here is the target of these notices", field="target")
        case "matrix" if not _ROOM.fullmatch(str(terms.options.get("room", ""))):
            raise HookRefused("a room is written as !id:example.com", field="room")
        case "template":
            check_template(str(terms.options.get("template", "")))


def _check_email(email: str, place: "Repository | Namespace | None", by: Actor) -> None:
    """Nobody gets mail who does not belong here: whoever makes hooks could send it to anybody."""
    if not settings.BERTH.FEATURE_MAILING:
        raise HookRefused("this registry sends no mail (FEATURE_MAILING)", field="email")
    try:
        validate_email(email)
    except ValidationError as error:
        raise HookRefused(f"{email[:80]!r} is not an e-mail address", field="email") from error
    namespace = place if isinstance(place, Namespace) else getattr(place, "namespace", None)
    near = Q(username=by.name)
    if namespace is None:
        near |= Q(is_superuser=True)
    else:
        near |= Q(namespace=namespace) | Q(
            team_memberships__team__organization__namespace=namespace
        )
    people = User.objects.filter(near, email__iexact=email, is_active=True)
    theirs = namespace is not None and (
        Namespace.objects.filter(pk=namespace.pk, organization__email__iexact=email).exists()
    )
    if not (theirs or people.exists()):
        raise HookRefused(
            "mail goes to members alone: nobody here has that address in their settings",
            field="email",
        )


def _secrets_of(hook: Hook, *, is_replaced: bool) -> Secrets:
    """The secrets of a hook; none, where nobody can read them and they are given anew."""
    try:
        return Secrets.unseal(hook.sealed)
    except SecretsUnreadable as error:
        if is_replaced:
            return Secrets()
        raise HookRefused(
            f"{error}; give the secret anew, or none, and the headers likewise", field="secret"
        ) from error


def _checked_secret(secret: str) -> str:
    if secret and not is_secret(secret):
        raise HookRefused(
            "a secret has from 8 to 256 printable characters; one that begins with whsec_ goes on"
            " in base64",
            field="secret",
        )
    return secret


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    if len(headers) > MOST_HEADERS:
        raise HookRefused(f"a hook has at most {MOST_HEADERS} headers", field="headers")
    names = [name.lower() for name in headers]
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or names.count(name.lower()) > 1:
            raise HookRefused(f"{name[:60]!r} is no name of a header", field="headers")
        if name.lower() in _OUR_HEADERS:
            raise HookRefused(f"the header {name} is Berth's own", field="headers")
        is_short = 0 < len(value) <= _MAX_HEADER_LENGTH
        if not is_short or not (value.isascii() and value.isprintable()) or value != value.strip():
            raise HookRefused(
                f"the header {name} has from 1 to {_MAX_HEADER_LENGTH} printable characters",
                field="headers",
            )
    return dict(headers)


def _apply(hook: Hook, terms: HookTerms) -> None:
    hook.title, hook.format = terms.title, terms.format
    hook.url = terms.url if terms.format not in LOCAL else ""
    hook.events = sorted(set(map(str, terms.events)))
    hook.pattern, hook.syntax = terms.pattern, terms.syntax
    hook.options = dict(terms.options)


def _send_again(rows: Any, now: datetime) -> int:
    ended = rows.exclude(state=DeliveryState.WAITING).order_by("-pk")
    keys = list(ended.values_list("pk", flat=True)[:MOST_SENT_AGAIN])
    count: int = Delivery.objects.filter(pk__in=keys).update(
        state=DeliveryState.WAITING, tries=0, next_at=now, ended_at=None
    )
    transaction.on_commit(send_soon, robust=True)
    return count


def _did(by: Actor, action: str, hook: Hook, now: datetime) -> None:
    """With the epoch, every process learns at its next request whether anybody listens."""
    place = "" if not (hook.repository or hook.namespace) else hook.place
    facts = {"format": hook.format, "to": hook.target[:200], "events": ", ".join(hook.events)[:500]}
    by.did(action, hook.place, now=now, place=place, hook=str(hook.uuid), **facts)
    bump_access_epoch()
    transaction.on_commit(forget_hooks)
