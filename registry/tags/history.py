"""What happened to the tags of a repository, read from their intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import F, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from registry.repositories.models import Repository
from registry.tags.models import EndReason, StartReason, Tag, TagQuerySet
from registry.tags.time_machine import time_machine_of

_ENDED = {
    EndReason.MOVE: "was moved to another manifest",
    EndReason.DELETE: "was deleted",
    EndReason.EXPIRE: "expired",
    EndReason.RETENTION: "was removed by a retention policy",
    EndReason.SUBJECT: "was removed with the manifest it was attached to",
}


def why_no_tag(*, repository: Repository, name: str, now: datetime) -> str:
    """One sentence for who asked for a tag that is not there."""
    rows = Tag.objects.filter(repository=repository.id, name=name)
    last = rows.select_related("repository__namespace").newest_first().first()
    obituary = _obituary(last, now) if last else ""
    return obituary or f"{repository.path} has no manifest {name}"


def why_no_digest(*, repository: Repository, digest: str, now: datetime) -> str:
    """One sentence for who asked for a manifest that no tag names any more, or that is deleted."""
    rows = Tag.objects.filter(repository=repository.id, manifest__digest=digest)
    last = rows.select_related("repository__namespace").newest_first().first()
    if last and (obituary := _obituary(last, now)):
        return f"no tag of {repository.path} leads to {digest} any more: {obituary}"
    return f"{repository.path} has no manifest {digest}: it was deleted"


def _obituary(tag: Tag, now: datetime) -> str:
    """How the tag ended; empty while it is alive."""
    if (end := tag.end(at=now)) is None:
        return ""
    ended_at, reason = end
    until = ended_at + time_machine_of(tag.repository.namespace)
    rest = f"can be restored until {_shown(until)}" if until > now else "can no longer be restored"
    return f"the tag {tag.name} {_ENDED[reason]} on {_shown(ended_at)} and {rest}"


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


class Happened(StrEnum):
    PUSH = "pushed"
    MOVE = "moved"
    RESTORE = "restored"
    DELETE = "deleted"
    EXPIRE = "expired"
    RETENTION = "removed by retention"
    SUBJECT = "removed with its manifest"


_ENDS = {
    EndReason.MOVE: Happened.MOVE,
    EndReason.DELETE: Happened.DELETE,
    EndReason.EXPIRE: Happened.EXPIRE,
    EndReason.RETENTION: Happened.RETENTION,
    EndReason.SUBJECT: Happened.SUBJECT,
}


# Where an event stands in the list: its moment, its row, and whether it is the row's end.
Place = tuple[datetime, int, bool]


@dataclass(frozen=True, slots=True)
class TagEvent:
    """``before`` is the interval that a move or a restore ended."""

    tag: Tag
    happened: Happened
    at: datetime
    before: Tag | None = None

    @property
    def gone(self) -> Tag | None:
        """The interval that ended, which is what can be restored."""
        return self.before if self.is_start else self.tag

    @property
    def is_start(self) -> bool:
        return self.happened in (Happened.PUSH, Happened.MOVE, Happened.RESTORE)

    @property
    def place(self) -> Place:
        return self.at, self.tag.id, not self.is_start


def tag_events(
    *,
    repository: Repository,
    name: str = "",
    after: Place | None,
    size: int,
    now: datetime,
) -> list[TagEvent]:
    """The ``size`` events before the place ``after``, the newest first; moves are one event.

    In five queries at most, each of which finds its place in an index.
    """
    rows = Tag.objects.filter(repository=repository.id).select_related("manifest")
    rows = rows.defer("manifest__body", "manifest__annotations_json", "manifest__labels_json")
    if name:
        rows = rows.filter(name=name)
    ended = rows.filter(ended_at__isnull=False).exclude(end_reason=EndReason.MOVE)
    expired = rows.expired(at=now)
    events = [
        *(
            TagEvent(tag, _ENDS[EndReason(tag.end_reason)], tag.ended_at)
            for tag in _before(ended, "ended_at", after, size, is_start=False)
            if tag.ended_at
        ),
        *(
            TagEvent(tag, Happened.EXPIRE, tag.expires_at)
            for tag in _before(expired, "expires_at", after, size, is_start=False)
            if tag.expires_at
        ),
        *_starts(repository, _before(rows, "started_at", after, size, is_start=True)),
    ]
    return sorted(events, key=lambda event: event.place, reverse=True)[:size]


def _before(
    rows: TagQuerySet,
    column: str,
    after: Place | None,
    size: int,
    *,
    is_start: bool,
) -> Sequence[Tag]:
    if after is not None:
        at, row, was_end = after
        # Of one row and one moment the end stands before the start.
        row += is_start and was_end
        rows = rows.filter(Q(TupleLessThan(Tuple(F(column), F("id")), (at, row))))
    return list(rows.order_by(f"-{column}", "-id")[:size])


def _starts(repository: Repository, tags: Sequence[Tag]) -> Iterable[TagEvent]:
    before = _ended_by(repository, tags)
    for tag in tags:
        earlier = before.get((tag.name, tag.started_at))
        happened = Happened.MOVE if earlier else Happened.PUSH
        if tag.start_reason == StartReason.RESTORE:
            happened = Happened.RESTORE
        yield TagEvent(tag, happened, tag.started_at, earlier)


def _ended_by(repository: Repository, tags: Sequence[Tag]) -> Mapping[tuple[str, datetime], Tag]:
    """The intervals that gave way to these."""
    moved = Tag.objects.filter(
        repository=repository.id,
        name__in={tag.name for tag in tags},
        ended_at__in={tag.started_at for tag in tags},
        end_reason=EndReason.MOVE,
    )
    rows = moved.select_related("manifest").defer("manifest__body").order_by("pk")
    return {(tag.name, tag.ended_at): tag for tag in rows if tag.ended_at}
