"""What tells newcomers where things are."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "docs/patterns.md", "docs/testing.md")
_PATH = re.compile(
    r"`((?:accounts|artifacts|config|deploy|docs|registry|static|templates|tests|ui)/[\w./-]*\w)"
)


@pytest.mark.parametrize("page", [*_PAGES, *sorted((_ROOT / "docs/decisions").glob("*.md"))])
def test_a_page_names_no_path_that_is_gone(page: str | Path) -> None:
    named = _PATH.findall((_ROOT / page).read_text())

    assert [path for path in named if not (_ROOT / path).exists()] == []
