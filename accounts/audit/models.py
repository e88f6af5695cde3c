"""The audit trail: who did what, to what, when and from where. Rows are only ever added."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn, Self
from uuid import uuid4

from django.db import models
from django.db.models import Q

from artifacts.text import kept_json

_BATCH_ROWS = 1000  # of what is read whole


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about_repository(self, path: str, *, since: datetime) -> Self:
        """What was done to a repository and in it.

        ``since`` is when it was created: an earlier one may have had its name.
        """
        return self.filter(repository=path, at__gte=since)

    def about_namespace(self, name: str, *, since: datetime) -> Self:
        """What was done to a user or an organization, and in all its repositories."""
        return self.filter(namespace=name, at__gte=since)

    def narrowed(
        self,
        *,
        actor: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Self:
        """Events that fit all that is given; ``until`` is excluded."""
        conditions: dict[str, Any] = {
            "actor": actor,
            "action": action,
            "at__gte": since,
            "at__lt": until,
        }
        return self.filter(**{name: value for name, value in conditions.items() if value})

    def before(self, event: "AuditEvent") -> Self:
        """What comes after ``event`` where the newest come first."""
        older = Q(at__lt=event.at) | Q(at=event.at, id__lt=event.pk)
        return self.filter(older, at__lte=event.at)

    def newest_first(self, *, at_most: int) -> Iterator["AuditEvent"]:
        """In batches, each found by the end of the one before: no cursor stays open."""
        left, page = at_most, self.order_by("-at", "-id")
        while left > 0:
            batch = list(page[: min(_BATCH_ROWS, left)])
            yield from batch
            if len(batch) < _BATCH_ROWS:
                return
            left -= len(batch)
            page = self.before(batch[-1]).order_by("-at", "-id")

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("audit events are append-only")

    def delete(self) -> NoReturn:
        raise TypeError("audit events are append-only")


AuditEventManager = models.Manager.from_queryset(AuditEventQuerySet)


class AuditEvent(models.Model):
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=255, help_text="who did it: a name, or 'system'")
    action = models.CharField(max_length=64, help_text="for example user.create")
    target = models.CharField(max_length=600, help_text="the name of what it was done to")
    namespace = models.CharField(
        max_length=255, blank=True, help_text="the user or organization that it concerns"
    )
    repository = models.CharField(
        max_length=255, blank=True, help_text="the path of the repository that it concerns"
    )
    address = models.CharField(max_length=64, blank=True, help_text="where the request came from")
    occasion = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="hash of what happens again and again, and is written down once in a while",
    )
    detail = models.TextField(default="{}", help_text="more facts, as a JSON object")
    to_forward = models.BooleanField(
        default=False, db_default=False, help_text="whether it waits to be told elsewhere"
    )

    objects = AuditEventManager()

    class Meta:
        indexes = [
            models.Index(fields=["action", "at"], name="audit_by_action"),
            models.Index(fields=["namespace", "at", "id"], name="audit_by_namespace"),
            models.Index(fields=["repository", "at", "id"], name="audit_by_repository"),
            models.Index(fields=["namespace", "actor", "at"], name="audit_by_space_and_actor"),
            models.Index(fields=["repository", "actor", "at"], name="audit_by_repo_and_actor"),
            models.Index(fields=["id"], name="audit_to_forward", condition=Q(to_forward=True)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["occasion"], condition=~Q(occasion=""), name="one_event_per_occasion"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.target}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("audit events are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("audit events are append-only")

    @property
    def facts(self) -> Mapping[str, Any]:
        """``detail`` as a mapping; empty when it cannot be read."""
        try:
            facts = kept_json(self.detail)
        except ValueError:
            return {}
        return facts if isinstance(facts, dict) else {}

    @property
    def line(self) -> str:
        """All of it as JSON, in ASCII."""
        return json.dumps(
            {
                "id": self.pk,
                "at": self.at.isoformat(),
                "actor": self.actor,
                "action": self.action,
                "target": self.target,
                "namespace": self.namespace,
                "repository": self.repository,
                "address": self.address,
                "detail": self.facts,
            }
        )


class LogExport(models.Model):
    """A part of the log that somebody may fetch for a while, by its address alone.

    Nothing is copied: events are only added, so whoever fetches it reads them where they are.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    namespace = models.CharField(max_length=255)
    repository = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(help_text="of the place: what was there before is not its")
    since = models.DateTimeField()
    until = models.DateTimeField()
    origin = models.CharField(max_length=300, help_text="how clients address this registry")
    expires_at = models.DateTimeField(db_index=True)
    callback_url = models.CharField(max_length=2000, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(
        null=True, blank=True, db_index=True, help_text="when the callback is asked next, if at all"
    )

    def __str__(self) -> str:
        return f"the log of {self.repository or self.namespace}"

    @property
    def events(self) -> AuditEventQuerySet:
        rows = AuditEvent.objects.narrowed(since=self.since, until=self.until)
        if self.repository:
            return rows.about_repository(self.repository, since=self.created_at)
        return rows.about_namespace(self.namespace, since=self.created_at)
