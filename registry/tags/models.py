"""Tags: names that point at a manifest for a stretch of time. And the rules that fix them."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts import statements
from accounts.users.models import Namespace
from artifacts.charts.versions import MAX_KEY_LENGTH
from artifacts.oci.expiry import ExpirySource
from artifacts.oci.names import MAX_TAG_LENGTH
from artifacts.oci.patterns import MAX_PATTERN_LENGTH, SYNTAXES, Syntax, TagPattern
from registry.repositories.models import NOT_ONE_PLACE, ONE_PLACE, Repository
from registry.rows.fields import AsciiField

MAX_WARNING_LENGTH = 500


class StartReason(models.TextChoices):
    PUSH = "push", "pushed"
    RESTORE = "restore", "restored"


class EndReason(models.TextChoices):
    """Why a tag's interval ended; empty while it is live."""

    MOVE = "move", "moved to another manifest"
    DELETE = "delete", "deleted"
    EXPIRE = "expire", "expired"
    RETENTION = "retention", "removed by a retention policy"
    SUBJECT = "subject", "removed with the manifest it was attached to"


_NAMES = """
    SELECT name FROM tags_tag
    WHERE repository_id = %s AND name > %s AND ended_at IS NULL
      AND (expires_at IS NULL OR expires_at > %s)
    ORDER BY name LIMIT %s
"""


class TagQuerySet(models.QuerySet["Tag"]):
    def live(self) -> Self:
        """Tags nobody has moved or deleted; some may have expired."""
        return self.filter(ended_at=None)

    def alive(self, at: datetime) -> Self:
        """Tags a client can see at ``at``. An expired tag is gone at once, swept or not."""
        return self.live().filter(Q(expires_at=None) | Q(expires_at__gt=at))

    def expired(self, at: datetime) -> Self:
        """Tags that expired by ``at`` and that nobody has swept yet."""
        return self.live().filter(expires_at__lte=at)

    def kept(self, since: datetime) -> Self:
        """Tags that are alive, or ended after ``since``: with ``since`` at the far end of the
        time machine, all that can be pulled or restored."""
        return self.filter(
            Q(ended_at__gt=since)
            | Q(ended_at=None, expires_at=None)
            | Q(ended_at=None, expires_at__gt=since)
        )

    def moved_last(self, at: datetime) -> Self:
        """Intervals that a move ended, of manifests from which no tag was taken in another way
        then or since. None whose expiry has come by ``at``."""
        others = Tag.objects.filter(manifest=OuterRef("manifest")).exclude(
            end_reason=EndReason.MOVE
        )
        later = others.filter(
            Q(ended_at__gte=OuterRef("ended_at"))
            | Q(ended_at=None, expires_at__gte=OuterRef("ended_at"))
        )
        moved = self.filter(Q(expires_at=None) | Q(expires_at__gt=at), end_reason=EndReason.MOVE)
        return moved.exclude(Exists(later))

    def companions(self, yes: bool = True) -> Self:
        """Tags that are named after a manifest, or all others.

        Asked with ``in``: SQLite finds no index by a column that is true or false.
        """
        return self.filter(is_companion__in=[yes])

    def page(self, *, after: str, size: int) -> Self:
        """The next ``size`` tags in the order of their bytes, for ``?n=&last=`` (end-8b)."""
        return self.filter(name__gt=after).order_by("name")[:size]

    def names(self, repository: int, *, after: str, size: int, at: datetime) -> list[str]:
        """``alive(at)`` and ``page`` of one repository, of which clients list nothing but names."""
        rows = statements.rows(_NAMES, [repository, after, at, size]) if size else []
        return [name for (name,) in rows]

    def newest_first(self) -> Self:
        """The history: every interval of every tag, the last one first."""
        return self.order_by("-started_at", "-pk")


TagManager = models.Manager.from_queryset(TagQuerySet)


class Tag(models.Model):
    """The interval ``[started_at, ended_at)`` in which a name pointed at a manifest.

    Moving a tag ends one row and starts another: the rows are the history. A row
    that expired counts as ended from ``expires_at`` on, before the sweep says so too.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="tags", db_index=False)
    name = AsciiField(max_length=MAX_TAG_LENGTH)
    sort_key = AsciiField(
        max_length=MAX_KEY_LENGTH,
        blank=True,
        help_text="sorts as the versions do that tags are named after; empty for other names",
    )
    is_companion = models.BooleanField(
        default=False, help_text="named after a manifest that it says something about"
    )
    manifest = models.ForeignKey("manifests.Manifest", models.CASCADE, related_name="tags")
    started_at = models.DateTimeField()
    start_reason = models.CharField(
        max_length=10, choices=StartReason.choices, default=StartReason.PUSH
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=10, choices=EndReason.choices, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    expiry_source = models.CharField(
        max_length=20,
        choices=[(source.value, source.value) for source in ExpirySource if source],
        blank=True,
        help_text="what asked for the expiry",
    )
    warning = models.CharField(
        max_length=MAX_WARNING_LENGTH,
        blank=True,
        help_text="what the push asked for and did not get",
    )
    is_immutable = models.BooleanField(default=False)

    objects = TagManager()

    if TYPE_CHECKING:
        id: int
        repository_id: int
        manifest_id: int

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "name"],
                condition=Q(ended_at=None),
                name="one_live_tag_per_name",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="a_tag_does_not_end_before_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end_reason="")
                | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
                name="a_tag_that_ended_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["repository", "name", "-started_at"], name="tag_history"),
            models.Index(
                fields=["expires_at"],
                condition=Q(ended_at=None, expires_at__isnull=False),
                name="tag_expiry",
            ),
            *(
                models.Index(
                    fields=["repository", "is_companion", *order],
                    condition=Q(ended_at=None),
                    name=f"tag_list_by_{order[0]}",
                )
                for order in (["started_at", "name"], ["sort_key", "name"], ["name"])
            ),
            models.Index(
                fields=["repository", "expires_at", "name"],
                condition=Q(ended_at=None, expires_at__isnull=False),
                name="tag_list_by_expires_at",
            ),
            models.Index(fields=["name", "id"], condition=Q(ended_at=None), name="tag_by_name"),
            models.Index(fields=["repository", "started_at", "id"], name="tag_starts"),
            models.Index(
                fields=["repository", "ended_at", "id"],
                condition=Q(ended_at__isnull=False),
                name="tag_ends",
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(ended_at__isnull=False),
                name="tag_ends_of_all",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository}:{self.name}"

    def is_alive(self, at: datetime) -> bool:
        """As ``TagQuerySet.alive``, for a row that is live."""
        return self.expires_at is None or self.expires_at > at

    def end(self, at: datetime) -> tuple[datetime, EndReason] | None:
        """When and why it ended; ``None`` while it is alive at ``at``."""
        if self.ended_at is not None:
            return self.ended_at, EndReason(self.end_reason)
        if self.expires_at is not None and self.expires_at <= at:
            return self.expires_at, EndReason.EXPIRE
        return None


class ImmutabilityRuleQuerySet(models.QuerySet["ImmutabilityRule"]):
    def of(self, repository: Repository) -> Self:
        """The rules that hold in a repository: its own, and its organization's."""
        return self.filter(Q(repository=repository.id) | Q(namespace=repository.namespace_id))


ImmutabilityRuleManager = models.Manager.from_queryset(ImmutabilityRuleQuerySet)


class ImmutabilityRule(models.Model):
    """Tags that a pattern chooses are immutable from the push that makes them on."""

    namespace = models.ForeignKey(
        Namespace,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="immutability_rules",
        verbose_name="organization or user",
        help_text="The rule holds in all its repositories.",
    )
    repository = models.ForeignKey(
        Repository,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="immutability_rules",
        help_text="The rule holds in this repository alone.",
    )
    pattern = models.CharField(max_length=MAX_PATTERN_LENGTH)
    syntax = models.CharField(
        max_length=5,
        choices=SYNTAXES,
        default=Syntax.GLOB.value,
    )
    is_inverted = models.BooleanField(
        "all but these",
        default=False,
        help_text="Tags that the pattern does not choose are immutable instead.",
    )
    created_at = models.DateTimeField()

    objects = ImmutabilityRuleManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=ONE_PLACE,
                name="an_immutability_rule_has_one_place",
                violation_error_message=NOT_ONE_PLACE,
            ),
        ]

    def __str__(self) -> str:
        but = "all but " if self.is_inverted else ""
        return f"{self.repository or self.namespace}: {but}{self.pattern} ({self.syntax})"

    def clean(self) -> None:
        try:
            TagPattern(self.pattern, Syntax(self.syntax))
        except ValueError as error:
            raise ValidationError({"pattern": str(error)}) from error

    @property
    def sentence(self) -> str:
        """Which tags it is for, in words."""
        sign = "/" if self.syntax == Syntax.REGEX else ""
        but = "all tags but " if self.is_inverted else ""
        return f"{but}{sign}{self.pattern}{sign}"

    def covers(self, tag: str) -> bool:
        return TagPattern(self.pattern, Syntax(self.syntax)).matches(tag) != self.is_inverted
