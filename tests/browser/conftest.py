"""Fixtures of the browser tests: a registry in use, and windows of Chromium on it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.harbour import Harbour, open_harbour
from tests.browser.windows import CHROMIUM, Window, chromium

OpenWindow = Callable[..., Window]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs them all: it has the browser, and the registry that they look at."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    """One registry with the showcase in it. Tests that change something use names of their own."""
    with open_harbour(tmp_path_factory.mktemp("harbour") / "data") as harbour:
        yield harbour


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed with this package: while Playwright runs, Django refuses to use the database."""
    if not CHROMIUM.exists():
        reason = f"there is no {CHROMIUM} (apt-get install chromium)"
        if os.environ.get("BERTH_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_window(harbour: Harbour, browser: Browser) -> Iterator[OpenWindow]:
    """Opens windows, closes them after the test, and fails it for what they saw."""
    with ExitStack() as windows:

        def open_one(person: str = "", **options: Any) -> Window:
            state = harbour.signed_in(browser, person) if person else None
            window = Window(browser, harbour.url, state=state, **options)
            return windows.enter_context(window)

        yield open_one
