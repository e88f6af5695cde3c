"""The version before this one, as far as the clone has it."""

import subprocess
from pathlib import Path

from tests.live import ROOT


def previous_version() -> str:
    """The newest tag; without one what there was before the newest migration came.

    Empty where the history is not there, as in a shallow clone.
    """
    if tag := _git("describe", "--tags", "--abbrev=0", "HEAD"):
        return tag
    newest = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", ":(glob)**/migrations/0*.py")
    return _git("rev-parse", "--verify", "--quiet", f"{newest}^") if newest else ""


def unpack(version: str, folder: Path) -> None:
    folder.mkdir()
    archive = subprocess.run(
        ["git", "archive", version], cwd=ROOT, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "--extract"], cwd=folder, check=True, input=archive)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else ""
