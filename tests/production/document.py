"""What docs/production.md shows: texts of files, and commands."""

import re
from collections.abc import Mapping
from typing import Final

from tests.live import ROOT

PAGE: Final = "docs/production.md"
DOCUMENT: Final = ROOT / PAGE
HOST: Final = "registry.example.com"
BACKUPS: Final = "s3://backups/berth"
# How a backup is tried: with each, in this order, but for its place.
TRIED: Final = (("restore", BACKUPS, "--verify"), ("fsck", "--rehash", "--dry-run"))


def blocks() -> list[tuple[str, str]]:
    """Each text that stands for itself, behind its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def documented(language: str) -> str:
    """The one text of that language."""
    (text,) = [text for found, text in blocks() if found == language]
    return text


def lines(prompt: str) -> list[str]:
    """What is typed behind the prompt, line by line and in this order."""
    typed = "".join(text for language, text in blocks() if language == "console")
    whole = re.sub(r"\\\n\s*", "", typed).splitlines()
    return [line.removeprefix(prompt) for line in whole if line.startswith(prompt)]


def with_words(text: str, words: Mapping[str, str]) -> str:
    """The text with names of this machine in the place of those of the document."""
    for theirs, ours in words.items():
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    return text
