"""What a collection freed, or would free, and why."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

_PROBLEMS_KEPT = 100


class Garbage(StrEnum):
    """A kind of garbage: what it is, and why nobody needs it."""

    REPOSITORY = "deleted repositories that cannot be undeleted any more"
    REPOSITORY_MANIFEST = "manifests of such repositories"
    TAG = "ended tags that the time machine no longer holds"
    MANIFEST = "manifests that no tag reaches"
    DELETED_MANIFEST = "manifests that were deleted by digest"
    REFERRER = "referrers whose subject is gone"
    COMPANION_TAG = "tags of signatures and the like whose subject is gone"
    BLOB_LINK = "blobs in repositories where no manifest needs them"
    BLOB = "blobs that no repository holds"
    STORED_BYTES = "stored bytes that no blob names"
    UPLOAD = "unfinished uploads that nobody can go on with"


@dataclass(slots=True)
class Count:
    items: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class Report:
    """Counts by kind; ``size_bytes`` of kinds that take no room in the store stay zero."""

    counts: dict[Garbage, Count] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0

    def add(self, garbage: Garbage, items: int = 1, *, size_bytes: int = 0) -> None:
        if items:
            count = self.counts.setdefault(garbage, Count())
            count.items += items
            count.size_bytes += size_bytes

    def add_problem(self, problem: str) -> None:
        """Note what a person should see; nothing when ``problem`` is empty."""
        self.problem_count += bool(problem)
        if problem and len(self.problems) < _PROBLEMS_KEPT:
            self.problems.append(problem)

    def items(self, garbage: Garbage) -> int:
        return self.counts.get(garbage, Count()).items

    @property
    def freed_bytes(self) -> int:
        return sum(count.size_bytes for count in self.counts.values())

    def lines(self) -> Iterator[str]:
        """One line for each kind that was found, in the order of ``Garbage``."""
        for garbage in Garbage:
            if count := self.counts.get(garbage):
                size = f", {count.size_bytes:,} bytes" if count.size_bytes else ""
                yield f"{count.items:,} {garbage}{size}"
