"""Whatever people push shows as text: nothing of it runs, loads or becomes part of a page."""

import json
import re
from pathlib import Path

import pytest

from tests.browser import hostile
from tests.browser.conftest import OpenWindow
from tests.browser.harbour import Harbour
from tests.browser.windows import NARROW, WIDE

_FILL = "from tests.browser.hostile import fill_hostile; fill_hostile()"
ALIVE = """() => [...document.querySelectorAll(
    "#hostile, iframe, object, embed, base, script:not([src]), img[src*='evil'], " +
    "[onerror], [onload], [onclick], [onmouseover], [style*=expression], " +
    "[href^='javascript:' i], [href^='data:text' i], [src^='javascript:' i], " +
    "[action^='javascript:' i]"
)].map((element) => element.outerHTML.slice(0, 200))"""
MARK = re.compile(r"MARK(?:-[A-Z]+)+")
# Kept and served to clients, and nowhere shown.
NOT_SHOWN = {"MARK-COMMENT", "MARK-MAIL"}


@pytest.fixture(scope="module")
def paths(harbour: Harbour) -> list[str]:
    said = harbour.server.manage("shell", "--no-imports", "--command", _FILL)
    found: list[str] = json.loads(said.splitlines()[-1])["paths"]
    return found


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_what_was_pushed_shows_as_text(
    width: int, paths: list[str], open_window: OpenWindow
) -> None:
    window = open_window(hostile.OWNER, width=width)
    shown: set[str] = set()
    wrong = []
    for path in paths:
        window.goto(path)
        wrong += [f"{path}: {element}" for element in window.page.evaluate(ALIVE)]
        if window.overflows():
            wrong.append(f"{path}: wider than the window")
        shown |= set(MARK.findall(window.page.content()))
    assert not wrong, "\n".join(wrong)
    assert shown >= set(MARK.findall(Path(hostile.__file__).read_text())) - NOT_SHOWN
