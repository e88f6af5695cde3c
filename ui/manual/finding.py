"""Find the places of the manual that speak of something."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, zip_longest

from ui.manual.contents import ENTRIES, Entry
from ui.manual.rendering import EXAMPLE_HOST, manual_text

_HEADING = re.compile(r"^## .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the manual, or what stands below one heading of it."""

    entry: Entry
    anchor: str
    heading: str
    words: str  # in small letters

    @property
    def title(self) -> str:
        return self.heading or self.entry.title


def find_in_manual(words: Sequence[str], *, most: int) -> list[Place]:
    """The places where all ``words`` stand, in small letters; those first that are called so."""
    wanted = [word for word in words if len(word) > 1]
    if not wanted:
        return []
    called = [place for place in _places() if _holds(place.title.lower(), wanted)]
    others = (place for place in _places() if place not in called and _holds(place.words, wanted))
    return list(islice((*called, *others), most))


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


@lru_cache(maxsize=1)
def _places() -> Sequence[Place]:
    return [place for entry in ENTRIES for place in _places_of(entry)]


def _places_of(entry: Entry) -> Iterator[Place]:
    text = entry.path.read_text(encoding="utf-8")
    headings = manual_text(entry.name, host=EXAMPLE_HOST, scheme="https").headings
    beginning, *sections = _HEADING.split(text)
    yield Place(entry, "", "", f"{entry.title} {entry.about} {beginning}".lower())
    if len(sections) != len(headings):  # a sample that looks like a heading
        yield Place(entry, "", "", text.lower())
        return
    for heading, section in zip_longest(headings, sections):
        words = f"{entry.title} {heading.text} {section}".lower()
        yield Place(entry, heading.anchor, heading.text, words)
