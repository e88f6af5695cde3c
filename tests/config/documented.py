"""What documents tell people to type."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OURS = re.compile(r"(?:manage\.py|^(?:\$ )?berth) ([a-z_]+.*)")
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class ManagementCommand:
    """A command of Berth's that a document shows, as a line of its own or within a sentence."""

    document: str
    arguments: tuple[str, ...]

    @property
    def is_mention(self) -> bool:
        """Whether the text only names the command, and may leave out what it needs."""
        return len(self.arguments) == 1


def management_commands() -> Iterator[ManagementCommand]:
    """Those of README.md and of all documents below docs/."""
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        for line in path.read_text().splitlines():
            for text in _SPAN.findall(line) if "`" in line else [line]:
                if found := _OURS.search(text):
                    words = tuple(shlex.split(found[1], comments=True))
                    yield ManagementCommand(str(path.relative_to(ROOT)), words)


def console_lines(document: str, heading: str) -> list[str]:
    """The commands below a heading of a document, in their order, continued lines joined."""
    text = (ROOT / document).read_text()
    section = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    lines = re.sub(r"\\\n\s*", "", "".join(blocks)).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def lines_for_root(document: str) -> list[str]:
    """What a document shows behind the prompt of root, line by line and in this order."""
    blocks = re.findall(
        r"^```console\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL
    )
    lines = re.sub(r"\\\n\s*", "", "".join(blocks)).splitlines()
    return [line.removeprefix("# ") for line in lines if line.startswith("# ")]


def shell_commands() -> Iterator[tuple[str, str]]:
    """Every command that a document shows behind a prompt, with the document's path.

    Lines that go on are one, and those that are joined are several. Berth's own commands are left
    out: ``management_commands`` yields them.
    """
    for path in [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
        *sorted(ROOT.glob("docs/**/*.md")),
    ]:
        blocks = re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
        shown = "".join(text for language, text in blocks if language in ("", "console"))
        for line in re.sub(r"\\\n\s*", "", shown).splitlines():
            if not line.startswith(("$ ", "# ")) or _OURS.search(line):
                continue
            for command in re.split(r" && | \| ", line[2:]):
                yield str(path.relative_to(ROOT)), " ".join(command.split("   ")[0].split())
