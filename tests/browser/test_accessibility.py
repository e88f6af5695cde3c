"""Every page, in both schemes, wide and narrow: no violation of WCAG 2.2 AA, nothing cut off."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import OpenWindow
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


@pytest.mark.timeout(1800)  # well over a hundred pages, each looked at for seconds
def test_no_page_shuts_anybody_out(harbour: Harbour, open_window: OpenWindow) -> None:
    axe = Axe()
    windows: dict[str, Window] = {}
    wrong = []
    for visit in visits(harbour):
        if visit.person not in windows:
            # Signed in anew: some pages ask for the password again after a while.
            windows[visit.person] = open_window(still=True)
            if visit.person:
                windows[visit.person].sign_in(visit.person)
        window = windows[visit.person]
        window.look()
        response = window.page.goto(visit.path)
        assert response is not None
        if response.status != (404 if visit.name == "missing" else 200):
            wrong.append(f"{visit.path}: {response.status}")
            continue
        for scheme, width, rules in LOOKS:
            window.look(scheme=scheme, width=width)
            if window.overflows():
                wrong.append(f"{visit.path}: wider than {width}")
            # It would fetch style sheets once more, and inline them.
            options = {"preload": False, "runOnly": rules}
            found = axe.run(window.page, options=options).response["violations"]
            wrong += [f"{visit.path} ({scheme}, {width}): {_story(one)}" for one in found]
    assert not wrong, "\n".join(wrong)


def _story(violation: dict[str, Any]) -> str:
    nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['help']}): {nodes}"
