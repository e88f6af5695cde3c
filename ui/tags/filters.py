"""Which tags of a repository a list shows, in which order, and from where on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict

from artifacts.charts.versions import sort_key
from artifacts.kinds.kinds import Kind
from artifacts.oci.names import MAX_TAG_LENGTH
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import TagQuerySet
from ui.forms import typed

ORDERS: Final[Mapping[str, Sequence[str]]] = {
    "newest": ("-started_at", "-name"),
    "oldest": ("started_at", "name"),
    "version": ("-sort_key", "-name"),
    "name": ("name",),
    "name-down": ("-name",),
    "expiry": ("expires_at", "name"),
}
SORTS: Final = (
    ("newest", "Newest first"),
    ("oldest", "Oldest first"),
    ("version", "Version, newest first"),
    ("name", "Name"),
    ("name-down", "Name, from the end"),
)
_BY_DAY: Final = frozenset({"newest", "oldest"})
_MIN_DIGITS = 6  # of a digest without its algorithm
_MAX_MANIFESTS = 200
_MAX_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column that sorts: where it leads, and how the list is sorted by it now."""

    url: str
    direction: str  # of ``aria-sort``, or nothing


@dataclass(frozen=True, slots=True)
class Filters:
    """``text`` is part of a name or the beginning of a digest; ``start`` the name, version or day
    (of UTC) that the list begins with, whichever it is sorted by."""

    text: str
    is_expiring: bool
    is_companion: bool
    sort: str
    start: str = ""

    @classmethod
    def of(cls, query: QueryDict, repository: Repository) -> Self:
        usual = "version" if repository.kind == Kind.HELM_CHART else "newest"
        sort = query.get("sort", "")
        sort = sort if sort in dict(SORTS) else usual
        return cls(
            text=typed(query, "q", most=_MAX_LENGTH),
            is_expiring=query.get("expiry") == "expiring",
            is_companion=query.get("show") == "companions",
            sort=sort,
            start=typed(query, "day" if sort in _BY_DAY else "from", most=MAX_TAG_LENGTH),
        )

    @property
    def order(self) -> Sequence[str]:
        """Whatever expires is listed by when it does, so that the next ones come first."""
        return ORDERS["expiry" if self.is_expiring else self.sort]

    @property
    def are_set(self) -> bool:
        return bool(self.text) or self.is_expiring

    @property
    def by_day(self) -> bool:
        return self.sort in _BY_DAY

    @property
    def kept(self) -> Mapping[str, str]:
        """What a form or a link that changes the order takes along."""
        parameters = {
            "q": self.text,
            "expiry": "expiring" if self.is_expiring else "",
            "show": "companions" if self.is_companion else "",
        }
        return {name: value for name, value in parameters.items() if value}

    @property
    def heads(self) -> Mapping[str, Head]:
        """Of the columns that sort: a click on the one that does turns it round."""
        return {
            "name": self._head("name", "name-down"),
            "pushed": self._head("oldest", "newest", first="newest"),
            "expires": Head(
                self._url(expiry="" if self.is_expiring else "expiring", sort=self.sort),
                "ascending" if self.is_expiring else "",
            ),
        }

    @property
    def here(self) -> str:
        """The list from its beginning."""
        return self._url(sort=self.sort)

    def selection(self, tags: TagQuerySet, repository: Repository) -> TagQuerySet:
        tags = tags.companions(self.is_companion)
        if self.is_expiring:
            tags = tags.filter(expires_at__isnull=False)
        return tags.filter(self._matches(repository)) if self.text else tags

    def begun(self, tags: TagQuerySet) -> TagQuerySet:
        """``tags`` from ``start`` on; all of them where it says nothing of this order."""
        if not self.start or self.is_expiring:
            return tags
        if self.by_day:
            return self._from_day(tags)
        if self.sort == "name":
            return tags.filter(name__gte=self.start)
        if self.sort == "name-down":
            return tags.filter(name__lt=f"{self.start}\x7f")  # with all that begin so
        key = sort_key(self.start)
        return tags if key is None else tags.filter(sort_key__lte=key)

    def _from_day(self, tags: TagQuerySet) -> TagQuerySet:
        day = _midnight(self.start)
        if day is None:
            return tags
        if self.sort == "oldest":
            return tags.filter(started_at__gte=day)
        return tags.filter(started_at__lt=day + timedelta(days=1))

    def _head(self, rising: str, falling: str, *, first: str = "") -> Head:
        other = falling if self.sort == rising else rising
        is_sorted = self.sort in {rising, falling} and not self.is_expiring
        direction = "ascending" if self.sort == rising else "descending"
        to = other if is_sorted else first or rising
        return Head(self._url(expiry="", sort=to), direction if is_sorted else "")

    def _url(self, **changed: str) -> str:
        query = {**self.kept, **changed}
        return f"?{urlencode({name: value for name, value in query.items() if value})}"

    def _matches(self, repository: Repository) -> Q:
        matches = Q()
        if ":" not in self.text and len(self.text) <= MAX_TAG_LENGTH:
            matches = Q(name__icontains=self.text)
        if (start := _start_of_a_digest(self.text)) is None:
            return matches or Q(pk__in=[])
        manifests = Manifest.objects.filter(
            repository=repository.id, digest__gte=start, digest__lt=f"{start}g"
        )
        # Two steps: in one statement, databases would read all tags for either half of an "or".
        ids = list(manifests.order_by("digest").values_list("pk", flat=True)[:_MAX_MANIFESTS])
        return matches | Q(manifest__in=ids) if matches else Q(manifest__in=ids)


def _start_of_a_digest(text: str) -> str | None:
    """``sha256:…`` as it is; hexadecimal digits alone are sha256's."""
    algorithm, colon, digits = text.lower().rpartition(":")
    if set(digits) - set("0123456789abcdef") or (not colon and len(digits) < _MIN_DIGITS):
        return None
    return f"{algorithm or 'sha256'}:{digits}"


def _midnight(text: str) -> datetime | None:
    """The beginning of a day of UTC; ``None`` for what is none, or has no day after it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time(), UTC) if day < date.max else None
