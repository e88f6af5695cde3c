"""Events for people: those whom one concerns, and those whom a hook names.

They look at their notices, and are sent mail where they asked for it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.mail.services import post
from accounts.organizations.models import Team
from accounts.users.models import Namespace, User
from registry.events.kinds import DAYS_FOR_PEOPLE, PERSONAL, WISHED, EventType, sentence
from registry.events.models import Event, Hook, MailWish, Notice, NoticeWish
from registry.events.outbox import registry_host

if TYPE_CHECKING:
    from registry.repositories.models import Repository

MOST_PEOPLE: Final = 1000  # of one target, or concerned by one event
MOST_MAILED: Final = 500  # people in one run
DAY: Final = timedelta(days=1)
_LINES: Final = 50  # of one mail


def people_of(target: object, place: "Repository | Namespace") -> QuerySet[User]:
    """Whom a target stands for at a place, if they have anything to do with it.

    Args:
        target: ``{"kind": "user" | "team" | "org", "name": ...}``, as somebody sent it.
    """
    fields: dict[str, Any] = target if isinstance(target, dict) else {}
    kind, name = fields.get("kind"), fields.get("name")
    namespace = place if isinstance(place, Namespace) else place.namespace
    people = User.objects.filter(is_active=True)
    if not isinstance(name, str):
        return people.none()
    here = Q(team_memberships__team__organization__namespace=namespace)
    match kind:
        case "user":
            near = here | Q(namespace=namespace)
            if not isinstance(place, Namespace):
                near |= Q(grants__repository=place.pk)
            return people.filter(near, username=name).distinct()
        case "team":
            return people.filter(here, team_memberships__team__name=name).distinct()
        case "org" if name == namespace.name:
            return people.filter(here, team_memberships__team__role="admin").distinct()
    return people.none()


def is_target(target: object, place: "Repository | Namespace") -> bool:
    """Whether there is such a target at a place. A team is one before anybody is in it."""
    if people_of(target, place).exists():
        return True
    fields: dict[str, Any] = target if isinstance(target, dict) else {}
    namespace = place if isinstance(place, Namespace) else place.namespace
    name = fields.get("name")
    if fields.get("kind") != "team" or not isinstance(name, str):
        return False
    return Team.objects.filter(organization__namespace=namespace, name=name).exists()


def notice(hook: Hook, events: Sequence[Event]) -> None:
    """Leave a notice for everybody whom the hook's target stands for now; twice is once."""
    place = hook.repository or hook.namespace
    if place is None:
        return
    people = people_of(hook.options.get("target"), place).order_by("pk")
    ids = list(people.values_list("pk", flat=True)[:MOST_PEOPLE])
    rows = [Notice(user_id=pk, event=event) for event in events for pk in ids]
    Notice.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def concerned(event: Event) -> QuerySet[User]:
    """Whom an event of a ``PERSONAL`` kind is about. Nobody is told of what they did themselves."""
    facts = event.facts
    actor, holder = str(facts.get("actor", {}).get("name", "")), str(facts.get("holder", ""))
    people = User.objects.filter(is_active=True)
    match event.kind:
        case EventType.PUSH_REFUSED if "+" not in actor:
            return people.filter(username=actor)
        case EventType.TOKEN_EXPIRING if "+" not in holder:
            return people.filter(username=holder)
        case EventType.RIGHTS_GRANTED:
            return people.filter(_holds(holder, facts.get("holder_kind"))).exclude(username=actor)
        case EventType.PUSH_REFUSED | EventType.TOKEN_EXPIRING:
            near = _runs(event.namespace_key)
        case EventType.TAG_EXPIRING if facts.get("days") != DAYS_FOR_PEOPLE:
            return people.none()  # this one is for a hook
        case EventType.SIGNATURE_FAILED | EventType.TAG_EXPIRING:
            near = _runs(event.namespace_key) | _administers(event.repository_key)
        case _:
            return people.none()
    return people.filter(near).exclude(username=actor)


def notices_of(events: Sequence[Event]) -> list[Notice]:
    """Not yet stored; none for who wants neither to see nor to be mailed of such an event, or has
    not asked for one of a ``WISHED`` kind."""
    notices = []
    for event in events:
        if event.kind not in PERSONAL:
            continue
        people = concerned(event).order_by("pk").distinct().values_list("pk", flat=True)
        keys = list(people[:MOST_PEOPLE])
        wishes = {
            wish.user_id: wish for wish in NoticeWish.objects.filter(user__in=keys, type=event.type)
        }
        for key in keys:
            wish = wishes.get(key)
            if wish is None and event.kind in WISHED:
                continue
            if wish is None or wish.is_shown or wish.mail:
                hidden = wish is not None and not wish.is_shown
                notices.append(Notice(user_id=key, event=event, is_read=hidden))
    return notices


def who_wish(kind: EventType) -> QuerySet[User]:
    """Who asked to see events of a kind, or to be mailed of them."""
    wishes = NoticeWish.objects.filter(type=kind, user=OuterRef("pk"))
    active_wishes = wishes.filter(Q(is_shown=True) | ~Q(mail=MailWish.NEVER))
    return User.objects.filter(Exists(active_wishes), is_active=True)


def wish(*, user: User, wishes: Mapping[EventType, tuple[bool, MailWish]], now: datetime) -> None:
    """Note how a person wants to hear of each kind. What was before is not mailed later."""
    with transaction.atomic():
        for kind, (is_shown, mail) in wishes.items():
            NoticeWish.objects.update_or_create(
                user=user, type=kind, defaults={"is_shown": is_shown, "mail": mail}
            )
        waiting = user.notices.filter(
            is_mailed=False, event__type__in=[*wishes], event__at__lte=now
        )
        waiting.update(is_mailed=True)


def mail_notices(*, now: datetime) -> int:
    """Mail people what they asked to be mailed and were not yet; return how many mails."""
    if not settings.BERTH.FEATURE_MAILING:
        return 0
    due: dict[User, list[NoticeWish]] = defaultdict(list)
    for one in _due(now).select_related("user").order_by("user_id")[: MOST_MAILED * len(PERSONAL)]:
        due[one.user].append(one)
    return sum(_mail(user, wishes, now) for user, wishes in due.items())


def _due(now: datetime) -> QuerySet[NoticeWish]:
    waiting = Notice.objects.filter(
        user=OuterRef("user"), event__type=OuterRef("type"), is_mailed=False
    )
    rested = Q(mailed_at=None) | Q(mailed_at__lte=now - DAY) | Q(mail=MailWish.SOON)
    wishes = NoticeWish.objects.exclude(mail=MailWish.NEVER).filter(rested, user__is_active=True)
    return wishes.exclude(user__email="").filter(Exists(waiting))


def _mail(user: User, wishes: Sequence[NoticeWish], now: datetime) -> bool:
    """One mail about all that is due. Who else took it meanwhile sends it."""
    kinds = [one.type for one in wishes]
    with transaction.atomic():
        waiting = Notice.objects.filter(user=user, is_mailed=False, event__type__in=kinds)
        rows = list(waiting.select_related("event").order_by("-pk")[:1000])
        taken = Notice.objects.filter(pk__in=[row.pk for row in rows], is_mailed=False)
        if not taken.update(is_mailed=True):
            return False
        NoticeWish.objects.filter(pk__in=[one.pk for one in wishes]).update(mailed_at=now)
        lines = [sentence(row.event.kind, row.event.facts) for row in rows]
        host = registry_host()
        post(
            recipient=user.email,
            subject=f"{host}: {lines[0]}" if len(lines) == 1 else f"{host}: {len(lines)} notices",
            body=_text(lines, f"{settings.BERTH.PREFERRED_URL_SCHEME}://{host}/notifications"),
            now=now,
        )
    return True


def _text(lines: Sequence[str], address: str) -> str:
    more = [f"... and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    shown = [f"- {line}" for line in (*lines[:_LINES], *more)]
    return "\n".join([*shown, "", f"All of them, and what is mailed to you: {address}", ""])


def _runs(namespace: int | None) -> Q:
    """Whoever administers a namespace: the person, or who runs the organization."""
    return Q(namespace=namespace) | Q(
        team_memberships__team__organization__namespace=namespace,
        team_memberships__team__role="admin",
    )


def _administers(repository: int | None) -> Q:
    return Q(grants__repository=repository, grants__role="admin") | Q(
        team_memberships__team__grants__repository=repository,
        team_memberships__team__grants__role="admin",
    )


def _holds(holder: str, kind: object) -> Q:
    """Who has what was given to ``holder``. Robots read no notices."""
    if kind == "team":
        organization, _, team = holder.partition("/")
        return Q(
            team_memberships__team__name=team,
            team_memberships__team__organization__namespace__name=organization,
        )
    return Q(username=holder) if kind == "user" else Q(pk=None)
