"""A running registry with the showcase in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.windows import Window
from tests.live import RunningServer, start_server

_FILL = "from tests.browser.showcase import fill; fill()"


@dataclass
class Harbour:
    server: RunningServer
    known: dict[str, Any]  # what the showcase says of itself
    _states: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def host(self) -> str:
        return self.server.host

    def signed_in(self, browser: Browser, person: str) -> Any:
        """The cookies of ``person``, who signs in once for all tests."""
        if person not in self._states:
            self._states[person] = self.sign_in(browser, person)
        return self._states[person]

    def sign_in(self, browser: Browser, person: str) -> Any:
        """The cookies of a sign-in that is made now."""
        with Window(browser, self.url) as window:
            window.sign_in(person)
            assert "/account/login" not in window.page.url, window.text()
            return window.context.storage_state()


@contextmanager
def open_harbour(data: Path) -> Iterator[Harbour]:
    environment = {"WORKERS": "1", "BERTH_FEATURE_USER_CREATION": "true", "DEVELOPMENT": "1"}
    server = start_server(data, environment=environment)
    try:
        said = server.manage("shell", "--no-imports", "--command", _FILL)
        yield Harbour(server, json.loads(said.splitlines()[-1]))
    finally:
        server.stop()
