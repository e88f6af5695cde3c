"""A provider of OpenID Connect on this machine, as a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests

from tests.live import free_port

_START_SECONDS = 60
_ANSWER_SECONDS = 30


@dataclass(frozen=True)
class OidcProvider:
    url: str

    def knows(self, subject: str, **claims: str | bool | None) -> None:
        """Let the provider say this of ``subject`` from now on."""
        url = f"{self.url}/users/{quote(subject)}"
        requests.put(url, json=claims, timeout=_ANSWER_SECONDS).raise_for_status()

    def approve(self, authorization_url: str, subject: str) -> str:
        """Sign in there as ``subject``; return the address that the browser is sent back to."""
        return self._answer(authorization_url, {"sub": subject})

    def deny(self, authorization_url: str) -> str:
        return self._answer(authorization_url, {"action": "deny"})

    def _answer(self, url: str, form: dict[str, str]) -> str:
        answer = requests.post(url, data=form, allow_redirects=False, timeout=_ANSWER_SECONDS)
        return answer.headers["Location"]


@contextmanager
def running_oidc_provider(folder: Path) -> Iterator[OidcProvider]:
    port = free_port()
    with (folder / "oidc.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    provider = OidcProvider(f"http://127.0.0.1:{port}")
    try:
        _wait_until_ready(provider, process, folder / "oidc.log")
        yield provider
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _wait_until_ready(provider: OidcProvider, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{provider.url}/.well-known/openid-configuration", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the provider did not start:\n{log.read_text()}")
