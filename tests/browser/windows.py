"""Chromium's windows, each watched: what a page must never do fails the test that opened it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.live import ADMIN_PASSWORD

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MILLISECONDS = 30_000
WIDE = 1280
NARROW = 390
_HEIGHT = 900

Scheme = Literal["light", "dark"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed Chromium, driven by Playwright, which downloads nothing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@dataclass
class Window:
    """One person's browser on one registry. ``faults`` collects what no page may do."""

    browser: Browser
    url: str
    javascript: bool = True
    scheme: Scheme = "light"
    width: int = WIDE
    still: bool = False  # as somebody reads it who asks for less motion
    state: Any = None  # cookies of somebody who has signed in
    faults: list[str] = field(default_factory=list)
    context: BrowserContext = field(init=False)
    page: Page = field(init=False)

    def __enter__(self) -> Self:
        self.context = self.browser.new_context(
            base_url=self.url,
            java_script_enabled=self.javascript,
            color_scheme=self.scheme,
            viewport={"width": self.width, "height": _HEIGHT},
            reduced_motion="reduce" if self.still else "no-preference",
            storage_state=self.state,
            ignore_https_errors=True,
        )
        self.context.set_default_timeout(PATIENCE_MILLISECONDS)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script failed: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._request_failed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.context.close()
        if error is None:
            assert not self.faults, "\n".join(self.faults)

    def goto(self, path: str, *, status: int = 200) -> Page:
        response = self.page.goto(path)
        assert response is not None
        assert response.status == status, f"{path}: {response.status}\n{self.text()[:800]}"
        return self.page

    def sign_in(self, name: str, password: str = ADMIN_PASSWORD) -> Page:
        self.goto("/account/login/")
        self.page.locator("main input[name=login]").fill(name)
        self.page.locator("main input[name=password]").fill(password)
        self.page.locator(
            "main form button[type=submit], main form button:not([type])"
        ).first.click()
        self.page.wait_for_load_state()
        return self.page

    def look(self, *, scheme: Scheme = "light", width: int = WIDE) -> None:
        """Show what is open as it is in this scheme, and as wide."""
        self.scheme, self.width = scheme, width
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": _HEIGHT})

    def text(self) -> str:
        """What the page says, as a person reads it."""
        return self.page.locator("body").inner_text()

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def _where(self) -> str:
        return f"{self.page.url} ({self.scheme}, {self.width})"

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if message.text.startswith("Failed to load resource"):
            return  # told by _response, which knows whether it was the page itself
        self.faults.append(f"{self._where()}: console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"{self._where()}: dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"{self._where()}: asked another host: {request.url}")

    def _response(self, response: Response) -> None:
        """A page may refuse; what it is made of must be there. htmx shows refused forms (422)."""
        is_page = response.request.is_navigation_request()
        is_form = response.request.method == "POST" and response.status == 422
        if response.status >= 400 and not is_page and not is_form:
            self.faults.append(f"{self._where()}: {response.status} for {response.url}")
        if response.status >= 500:
            self.faults.append(f"{self._where()}: {response.status} for {response.url}")

    def _request_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # left for another page, or a download
            self.faults.append(f"{self._where()}: {request.failure} for {request.url}")
