"""Every page, in both schemes, wide and narrow: no violation of WCAG 2.2 AA, nothing cut off."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import OpenWindow
from tests.browser.harbour import Harbour
from tests.browser.visits import visits
from tests.browser.windows import NARROW, WIDE, Scheme, Window

RULES = {
    "preload": False,  # it would fetch style sheets once more, and inline them
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
}
LOOKS: list[tuple[Scheme, int]] = [("light", WIDE), ("dark", WIDE), ("light", NARROW)]


@pytest.mark.timeout(900)  # about a hundred pages, each looked at for seconds
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_no_page_shuts_anybody_out(
    scheme: Scheme, width: int, harbour: Harbour, open_window: OpenWindow
) -> None:
    axe = Axe()
    windows: dict[str, Window] = {}
    wrong = []
    for visit in visits(harbour):
        if visit.person not in windows:
            # Signed in anew: some pages ask for the password again after a while.
            windows[visit.person] = open_window(scheme=scheme, width=width)
            if visit.person:
                windows[visit.person].sign_in(visit.person)
        window = windows[visit.person]
        response = window.page.goto(visit.path)
        assert response is not None
        if response.status != (404 if visit.name == "missing" else 200):
            wrong.append(f"{visit.path}: {response.status}")
            continue
        if window.overflows():
            wrong.append(f"{visit.path}: wider than the window")
        found = axe.run(window.page, options=RULES).response["violations"]
        wrong += [f"{visit.path}: {_story(violation)}" for violation in found]
    assert not wrong, "\n".join(wrong)


def _story(violation: dict[str, Any]) -> str:
    nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['help']}): {nodes}"
