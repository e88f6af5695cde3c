"""What a person in a story has: a browser, an account, and clients that log in to the registry."""

import base64
import hmac
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.harbour import Harbour
from tests.browser.windows import Window
from tests.clients.content import Image, write_layout
from tests.clients.run import Home, client
from tests.live import ADMIN_PASSWORD

PASSWORD = "seven seas and a lighthouse"
_STEP_SECONDS = 30


@dataclass
class Person:
    """Somebody with an account of their own, signed in in ``window``."""

    name: str
    window: Window
    harbour: Harbour
    home: Home

    @property
    def page(self) -> Page:
        return self.window.page

    @property
    def host(self) -> str:
        return self.harbour.host

    def sign_up(self) -> None:
        self.window.goto("/")
        self.page.get_by_role("link", name="Create account").first.click()
        self.page.get_by_label("User name").fill(self.name)
        self.page.locator("#id_password1").fill(PASSWORD)
        self.page.locator("#id_password2").fill(PASSWORD)
        self.press("Create account")
        expect(self.page.get_by_text(self.name).first).to_be_attached()

    def press(self, name: str) -> None:
        """Press the button of the page's main part that is called so."""
        self.page.get_by_role("main").get_by_role("button", name=name).first.click()
        self.page.wait_for_load_state()

    def make_organization(self, name: str) -> None:
        self.window.goto("/new/organization")
        self.page.locator("#id_name").fill(name)
        self.press("Create organization")
        assert self.page.url.endswith(f"/{name}"), self.page.url

    def sees(self, *texts: str) -> None:
        main = self.page.get_by_role("main")
        for text in texts:
            expect(main).to_contain_text(text)

    def login(self, tool: str, name: str = "", password: str = PASSWORD) -> None:
        """Log a client in, as ``name`` or as this person."""
        user = name or self.name
        command = {
            "podman": ["login", "--tls-verify=false"],
            "skopeo": ["login", "--tls-verify=false"],
            "helm3": ["registry", "login", "--plain-http"],
            "crane": ["auth", "login", "--insecure"],
            "cosign3": ["login"],
        }[tool]
        options = ["--username", user, "--password-stdin", self.host]
        self.home.said(client(tool), *command, *options, stdin=password)

    def push_image(self, reference: str, image: Image | None = None) -> str:
        """Push an image with skopeo; its digest."""
        image = image or Image()
        layout = write_layout(self.home.folder / f"layout-{time.monotonic_ns()}", image)
        self.home.run(*self._copy(layout, reference))
        return image.digest

    def push_refused(self, reference: str) -> str:
        layout = write_layout(self.home.folder / f"layout-{time.monotonic_ns()}", Image())
        return self.home.refused(*self._copy(layout, reference))

    def _copy(self, layout: Path, reference: str) -> list[str]:
        command = [client("skopeo"), "copy", "--quiet", "--dest-tls-verify=false"]
        return [*command, f"oci:{layout}:v1", f"docker://{self.host}/{reference}"]


def administer(window: Window) -> Page:
    window.sign_in("admin", ADMIN_PASSWORD)
    return window.page


def one_time_code(secret: str, *, at: float) -> str:
    """The code that an app shows (RFC 6238), six digits of SHA-1."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(at) // _STEP_SECONDS), "sha1")
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
