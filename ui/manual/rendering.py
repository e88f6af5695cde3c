"""A page of the manual, made from its Markdown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it.token import Token

from ui.display.code import code_lines
from ui.display.prose import parsed, rendered
from ui.manual.contents import BY_NAME, BY_SOURCE

EXAMPLE_HOST = "registry.example.com"
REMEMBERED_PAGES = 64  # of all hosts by which this registry is asked
_PROMPT = "$ "
_IDS_OF_THE_FRAME = frozenset({"main", "search", "live"})
_COLOURED = {"yaml", "json", "groovy"}


@dataclass(frozen=True, slots=True)
class Heading:
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    html: SafeString


@dataclass(frozen=True, slots=True)
class Sample:
    """Something to copy: commands, or a file."""

    lines: Sequence[str]
    copied: str  # without prompts, and without what the commands print

    @property
    def shown(self) -> Iterator[tuple[str, str]]:
        """Each line: its prompt, if it has one, and the rest."""
        for line in self.lines:
            has_prompt = not isinstance(line, SafeString) and line.startswith(_PROMPT)
            yield ("$", line[len(_PROMPT) :]) if has_prompt else ("", line)


@dataclass(frozen=True, slots=True)
class ManualText:
    title: str
    blocks: Sequence[Prose | Sample]
    headings: Sequence[Heading]


@lru_cache(maxsize=REMEMBERED_PAGES)
def manual_text(name: str, *, host: str, scheme: str) -> ManualText:
    """The page ``name``, with this registry's host where the Markdown has an example's."""
    entry = BY_NAME[name]
    text = entry.path.read_text(encoding="utf-8")
    if entry.names_host:
        text = text.replace(f"https://{EXAMPLE_HOST}", f"{scheme}://{host}")
        text = text.replace(EXAMPLE_HOST, host)
    tokens = parsed(text)
    title = ""
    if tokens and tokens[0].tag == "h1":
        title, tokens = tokens[1].content, tokens[3:]
    headings = list(_headings(tokens))
    _resolve_links(tokens)
    return ManualText(title=title or entry.title, blocks=list(_blocks(tokens)), headings=headings)


def _headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Give each heading its anchor; yield those of the second level."""
    seen = set(_IDS_OF_THE_FRAME)
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or [])
        anchor = _anchor(text, seen)
        seen.add(anchor)
        opening.attrSet("id", anchor)
        if opening.tag == "h2":
            yield Heading(anchor, text)


def _anchor(text: str, taken: set[str]) -> str:
    """As code hosts make them, so that one link works here and there."""
    plain = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    number = 0
    anchor = plain
    while anchor in taken:
        number += 1
        anchor = f"{plain}-{number}"
    return anchor


def _resolve_links(tokens: Sequence[Token]) -> None:
    for token in tokens:
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("href", _target(str(child.attrGet("href") or "")))


def _target(link: str) -> str:
    """Where a link between files of Markdown leads in the manual."""
    path, _, anchor = link.partition("#")
    entry = BY_SOURCE.get(path.rpartition("/")[2])
    if "://" in path or entry is None:
        return link
    url = reverse("ui:manual_page", kwargs={"name": entry.name})
    return f"{url}#{anchor}" if anchor else url


def _blocks(tokens: Sequence[Token]) -> Iterator[Prose | Sample]:
    """Prose, and between it the samples that stand by themselves."""
    waiting: list[Token] = []
    for token in tokens:
        if token.type in {"fence", "code_block"} and token.level == 0:
            if waiting:
                yield Prose(rendered(waiting, is_ours=True))
            waiting = []
            yield _sample(token)
        else:
            waiting.append(token)
    if waiting:
        yield Prose(rendered(waiting, is_ours=True))


def _sample(token: Token) -> Sample:
    text = token.content.rstrip("\n")
    lines = text.split("\n")
    commands = [line[len(_PROMPT) :] for line in lines if line.startswith(_PROMPT)]
    language = token.info.strip()
    shown: Sequence[str] = code_lines(text, language) if language in _COLOURED else lines
    return Sample(lines=shown, copied="\n".join(commands) if commands else text)
