"""From rows of tags to what the rules look at."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from registry.repositories.models import Repository
from registry.retention.rules import TagFacts
from registry.tags.models import Tag

PAGE_ROWS = 200
_ROWS_AT_ONCE = 2000

# In the order of the fields of ``TagFacts``.
COLUMNS = (
    "name",
    "manifest__digest",
    "started_at",
    "manifest__last_pulled_at",
    "is_immutable",
)

Numbered = tuple[int, TagFacts]


def facts_of_row(columns: Sequence[Any]) -> TagFacts:
    return TagFacts(*columns)


def facts_of(tag: Tag) -> TagFacts:
    """Reads the manifest: select it with the tag."""
    manifest = tag.manifest
    return TagFacts(
        tag.name, manifest.digest, tag.started_at, manifest.last_pulled_at, tag.is_immutable
    )


def newest_first(
    repository: Repository, now: datetime, *, limit: int | None = None
) -> Iterator[TagFacts]:
    """Tags that are alive, in falling order of their position; a few in memory at a time.

    Args:
        limit: how many of them; all by default.
    """
    tags = Tag.objects.alive(at=now).filter(repository=repository.id)
    rows = tags.order_by("-started_at", "-name").values_list(*COLUMNS)[:limit]
    return map(facts_of_row, rows.iterator(chunk_size=_ROWS_AT_ONCE))


def pages(repository: Repository, now: datetime) -> Iterator[list[Numbered]]:
    """All tags that are alive with the keys of their rows, in the order of their names."""
    after = ""
    while page := page_of(repository, now, after=after, size=PAGE_ROWS):
        yield page
        after = page[-1][1].name


def page_of(repository: Repository, now: datetime, *, after: str, size: int) -> list[Numbered]:
    tags = Tag.objects.alive(at=now).filter(repository=repository.id)
    rows = tags.page(after=after, size=size).values_list("pk", *COLUMNS)
    return [(pk, facts_of_row(columns)) for pk, *columns in rows]
