"""Events that wait for their hooks, hooks, and what was delivered to each.

A row here stands below the rooms whose changes it tells of, so it names what they own loosely.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.users.models import Namespace
from artifacts.oci.patterns import MAX_PATTERN_LENGTH, SYNTAXES, Syntax, TagPattern
from artifacts.text import kept_json
from registry.events.kinds import EventType

if TYPE_CHECKING:
    from registry.repositories.models import Repository

MAX_URL_LENGTH = 2000
DAYS_BEFORE_EXPIRY = 5


class EventQuerySet(models.QuerySet["Event"]):
    def waiting(self) -> Self:
        """Those of which nobody has yet asked which hooks want them, in the order they came."""
        return self.filter(is_waiting__in=[True]).order_by("id")

    def noted_values(
        self, kind: EventType, fact: str, among: Collection[Any], *, since: datetime
    ) -> set[Any]:
        """Which of these values of a fact events of that kind have told since."""
        rows = self.filter(type=kind, at__gt=since).only("data").iterator(chunk_size=500)
        return {value for event in rows if (value := event.facts.get(fact)) in among}


EventManager = models.Manager.from_queryset(EventQuerySet)


class Event(models.Model):
    """Something that happened, written in the transaction in which it did."""

    uuid = models.UUIDField(unique=True, default=uuid4)
    type = models.CharField(max_length=40)
    at = models.DateTimeField(db_index=True)
    namespace_key = models.BigIntegerField(null=True, blank=True, editable=False)
    repository_key = models.BigIntegerField(null=True, blank=True, editable=False)
    data = models.TextField(help_text="what receivers are told, as a JSON object")
    is_waiting = models.BooleanField(default=True)

    objects = EventManager()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(is_waiting=True), name="events_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uuid}"

    @property
    def kind(self) -> EventType:
        return EventType(self.type)

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = kept_json(self.data)
        return facts


class HookState(models.TextChoices):
    ACTIVE = "active", "active"
    PAUSED = "paused", "paused by a person"
    DISABLED = "disabled", "disabled, because its receiver does not want it or is gone"


class HookQuerySet(models.QuerySet["Hook"]):
    def active(self) -> Self:
        return self.filter(state=HookState.ACTIVE)

    def of(self, place: "Repository | Namespace | None") -> Self:
        """Those that were made at this very place; ``None`` is the registry."""
        if place is None:
            return self.filter(namespace=None, repository=None)
        column = "namespace" if isinstance(place, Namespace) else "repository"
        return self.filter(**{column: place.pk})

    def with_work(self, now: datetime) -> Self:
        """Those with something to deliver, the longest left alone first."""
        due = Delivery.objects.due(now).filter(hook=OuterRef("pk"))
        rested = Q(resting_until=None) | Q(resting_until__lte=now)
        hooks = self.active().filter(rested).filter(Exists(due))
        return hooks.order_by(models.F("tried_at").asc(nulls_first=True), "pk")


HookManager = models.Manager.from_queryset(HookQuerySet)


class Hook(models.Model):
    """Somebody who wants to be told: where, in which form, and of what.

    It is of a repository, of a namespace and all that is in it, or of the whole registry.
    """

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    namespace = models.ForeignKey(
        Namespace, models.CASCADE, null=True, blank=True, related_name="hooks"
    )
    repository = models.ForeignKey(
        "repositories.Repository", models.CASCADE, null=True, blank=True, related_name="hooks"
    )
    title = models.CharField(max_length=100, blank=True)
    format = models.CharField(max_length=20, help_text="the form in which it is told")
    url = models.CharField(max_length=MAX_URL_LENGTH, blank=True)
    events = models.JSONField(default=list, help_text="the names of the events that it wants")
    pattern = models.CharField(max_length=MAX_PATTERN_LENGTH, blank=True)
    syntax = models.CharField(max_length=5, choices=SYNTAXES, default=Syntax.GLOB.value)
    options = models.JSONField(default=dict, help_text="what only its format asks for")
    sealed = models.TextField(blank=True, editable=False, help_text="its secrets, encrypted")
    state = models.CharField(max_length=8, choices=HookState.choices, default=HookState.ACTIVE)
    why_disabled = models.CharField(max_length=300, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="in a row")
    failing_since = models.DateTimeField(null=True, blank=True)
    resting_until = models.DateTimeField(
        null=True, blank=True, help_text="it failed so often that it is tried only now and then"
    )
    tried_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)

    objects = HookManager()

    if TYPE_CHECKING:
        id: int
        namespace_id: int | None
        repository_id: int | None

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(namespace=None) | Q(repository=None),
                name="a_hook_has_at_most_one_place",
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.format} to {self.target}"

    @property
    def target(self) -> str:
        """Where it leads, without what may be secret in it."""
        if not self.url:
            return str(self.options.get("email", ""))
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"

    @property
    def place(self) -> str:
        return str(self.repository or self.namespace or "the registry")

    @property
    def days(self) -> int:
        """How long before a tag expires it is told."""
        return int(self.options.get("days", DAYS_BEFORE_EXPIRY))

    def wants(self, kind: EventType, facts: Mapping[str, Any]) -> bool:
        """A pattern is about tags: what has none passes."""
        if kind not in self.events:
            return False
        if kind is EventType.TAG_EXPIRING and facts.get("days", self.days) != self.days:
            return False
        tag = str(facts.get("tag") or "")
        if not (self.pattern and tag):
            return True
        return TagPattern(self.pattern, Syntax(self.syntax)).matches(tag)


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    DEAD = "dead", "given up"
    SKIPPED = "skipped", "not sent"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, at: datetime) -> Self:
        return self.filter(state=DeliveryState.WAITING, next_at__lte=at)


DeliveryManager = models.Manager.from_queryset(DeliveryQuerySet)


class Delivery(models.Model):
    """One event for one hook. While somebody sends it, ``next_at`` is when others may again."""

    hook = models.ForeignKey(Hook, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    state = models.CharField(
        max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text="those that were begun")
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="of the last answer")
    error = models.CharField(max_length=300, blank=True)
    lasted_ms = models.PositiveIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="the beginning of the last answer")

    objects = DeliveryManager()

    if TYPE_CHECKING:
        id: int
        hook_id: int
        event_id: int

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["hook", "event"], name="an_event_is_delivered_to_a_hook_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["hook", "next_at"],
                condition=Q(state="waiting"),
                name="deliveries_waiting",
            ),
            models.Index(fields=["hook", "-id"], name="deliveries_of_a_hook"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.hook_id}"


class Notice(models.Model):
    """An event for one person, to be read where they look."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", db_index=False
    )
    event = models.ForeignKey(Event, models.CASCADE, related_name="notices")
    uuid = models.UUIDField(unique=True, default=uuid4)
    is_read = models.BooleanField(default=False)
    is_mailed = models.BooleanField(default=False, db_default=False)

    if TYPE_CHECKING:
        event_id: int

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "event"], name="a_person_is_noticed_of_an_event_once"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notices_of_a_person"),
            models.Index(fields=["user"], condition=Q(is_read=False), name="notices_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} for {self.user_id}"


class MailWish(models.TextChoices):
    NEVER = "", "no mail"
    SOON = "soon", "mail within minutes"
    DAILY = "daily", "one mail a day"


class NoticeWish(models.Model):
    """How one person wants to hear of one kind of event; without a row, on the pages alone, and of
    a ``WISHED`` kind not at all."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_wishes", db_index=False
    )
    type = models.CharField(max_length=40)
    is_shown = models.BooleanField(default=True)
    mail = models.CharField(max_length=5, choices=MailWish.choices, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "type"], name="a_person_wishes_one_thing_of_a_kind"
            ),
        ]
        indexes = [
            models.Index(fields=["mailed_at"], condition=~Q(mail=""), name="wishes_for_mail"),
        ]

    def __str__(self) -> str:
        return f"{self.type} for {self.user_id}"


def event_of(
    kind: EventType, data: dict[str, Any], *, now: datetime, uuid: UUID | None = None
) -> Event:
    """An event, not yet stored, of no place."""
    return Event(uuid=uuid or uuid4(), type=kind, at=now, data=json.dumps(data))
