"""The audit trail: who did what, to what, when and from where. Rows are only ever added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn, Self

from django.db import models
from django.db.models import Q

from artifacts.text import kept_json


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
        wanted: dict[str, Any] = {
            "actor": actor,
            "action": action,
            "at__gte": since,
            "at__lt": until,
        }
        return self.filter(**{name: value for name, value in wanted.items() if value})

    def before(self, event: "AuditEvent") -> Self:
        """What comes after ``event`` where the newest come first."""
        older = Q(at__lt=event.at) | Q(at=event.at, id__lt=event.pk)
        return self.filter(older, at__lte=event.at)

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

    objects = AuditEventManager()

    class Meta:
        indexes = [
            models.Index(fields=["action", "at"], name="audit_by_action"),
            models.Index(fields=["namespace", "at", "id"], name="audit_by_namespace"),
            models.Index(fields=["repository", "at", "id"], name="audit_by_repository"),
            models.Index(fields=["namespace", "actor", "at"], name="audit_by_space_and_actor"),
            models.Index(fields=["repository", "actor", "at"], name="audit_by_repo_and_actor"),
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
