"""Every page, in both schemes, wide and narrow: no violation of WCAG 2.2 AA, nothing cut off, and
one look: six sizes of text, one head with the heading, and the row of tabs at one height."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.harbour import Harbour
from tests.browser.visits import visits
from tests.browser.windows import NARROW, WIDE, Scheme, Window

EVERY_RULE = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# Another scheme changes colours alone, another width also what is near to what, and cut off.
OF_COLOURS = {"type": "rule", "values": ["color-contrast"]}
OF_PLACES = {
    "type": "rule",
    "values": ["color-contrast", "target-size", "scrollable-region-focusable", "aria-hidden-focus"],
}
# One load for all: a page is what it is, and its style sheet answers what it is looked at with.
LOOKS: list[tuple[Scheme, int, dict[str, Any]]] = [
    ("light", WIDE, EVERY_RULE),
    ("dark", WIDE, OF_COLOURS),
    ("light", NARROW, OF_PLACES),
]
SIZES = {"12px", "13px", "14px", "16px", "20px", "24px"}
_SIZES_OF_TEXT = """() => {
  const found = {}, texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.currentNode.textContent.trim() && element.getClientRects().length)
      found[getComputedStyle(element).fontSize] = `${element.tagName} ${element.className}`;
  }
  return found;
}"""
_HEADING = "[...document.querySelectorAll('h1')].map(one => one.closest('.b-head') !== null)"
_WITH_A_HEAD_OF_THEIR_OWN = ("/docs/", "/acme/absent")  # texts to read, and an error
_TABS = "document.querySelector('.b-head .b-tabs')?.getBoundingClientRect().top"


@dataclass
class Findings:
    """What was wrong on all pages, by what was asked of them; ``tabs`` is where the row stands."""

    missing: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    too_wide: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    tabs: dict[float, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def findings(harbour: Harbour, browser: Browser) -> Iterator[Findings]:
    """One visit of each page for all tests: it takes seconds to look at one."""
    found = Findings()
    with ExitStack() as stack:
        windows: dict[str, Window] = {}
        for visit in visits(harbour):
            if visit.person not in windows:
                # Signed in anew: some pages ask for the password again after a while.
                window = stack.enter_context(Window(browser, harbour.url, still=True))
                windows[visit.person] = window
                if visit.person:
                    window.sign_in(visit.person)
            window = windows[visit.person]
            window.look()
            response = window.page.goto(visit.path)
            assert response is not None
            if response.status != (404 if visit.name == "missing" else 200):
                found.missing.append(f"{visit.path}: {response.status}")
                continue
            _look_at_text(window.page, visit.path, found)
            _look_in_all_ways(window, visit.path, found)
        yield found


def _look_at_text(page: Page, path: str, found: Findings) -> None:
    if path.startswith("/admin/"):  # Django's own sheet
        return
    for size, element in page.evaluate(_SIZES_OF_TEXT).items():
        if size not in SIZES:
            found.sizes.append(f"{path}: {size} in {element}")
    headings = page.evaluate(_HEADING)
    if headings != [True] and not path.startswith(_WITH_A_HEAD_OF_THEIR_OWN):
        found.heads.append(f"{path}: {headings}")
    tabs = page.evaluate(_TABS)
    if tabs is not None:
        found.tabs.setdefault(tabs, []).append(path)


def _look_in_all_ways(window: Window, path: str, found: Findings) -> None:
    axe = Axe()
    for scheme, width, rules in LOOKS:
        window.look(scheme=scheme, width=width)
        if window.overflows():
            found.too_wide.append(f"{path}: wider than {width}")
        # It would fetch style sheets once more, and inline them.
        options = {"preload": False, "runOnly": rules}
        violations = axe.run(window.page, options=options).response["violations"]
        found.violations += [f"{path} ({scheme}, {width}): {_story(one)}" for one in violations]


@pytest.mark.timeout(1800)  # well over a hundred pages, each looked at for seconds
def test_every_page_is_there(findings: Findings) -> None:
    assert findings.missing == []


def test_no_page_shuts_anybody_out(findings: Findings) -> None:
    assert not findings.violations, "\n".join(findings.violations)


def test_no_page_is_wider_than_its_window(findings: Findings) -> None:
    assert findings.too_wide == []


def test_every_text_has_one_of_the_six_sizes(findings: Findings) -> None:
    assert findings.sizes == []


def test_the_heading_of_every_page_is_in_its_head(findings: Findings) -> None:
    assert findings.heads == []


def test_the_row_of_tabs_is_at_one_height_on_all_pages(findings: Findings) -> None:
    assert len(findings.tabs) == 1, findings.tabs


def _story(violation: dict[str, Any]) -> str:
    nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['help']}): {nodes}"
