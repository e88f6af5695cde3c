"""What pages offer to type, read off the pages and typed into a shell by somebody of their own."""

import base64
import html
import http.cookiejar
import json
import os
import pty
import re
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import SYSTEM_PATH, TIMEOUT_SECONDS, Home, client

TOOLS: Final = {
    **{name: name for name in ("podman", "skopeo", "crane", "oras", "kubectl")},
    "helm": "helm4",
    "cosign": "cosign3",
}
_COPIED: Final = re.compile(r'data-copy="([^"]+)"')
_PROOF: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINE: Final = re.compile(r"</a><span>(.*?)</span></div>", re.DOTALL)
_MARKUP: Final = re.compile(r"<[^>]*>")


class Pages:
    """A registry's pages, as a browser without scripts shows them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def sign_in(self, login: Login) -> None:
        self.post("account/login/", login=login.name, password=login.password)

    def page(self, path: str) -> str:
        return self._read(urllib.request.Request(f"{self.registry.url}/{path}"))

    def post(self, path: str, **fields: str) -> str:
        """Fill in and send the form of a page; answer the page that follows."""
        proof = _PROOF.search(self.page(path))
        assert proof, f"{path} has no form"
        fields["csrfmiddlewaretoken"] = proof[1]
        url = f"{self.registry.url}/{path}"
        data = urllib.parse.urlencode(fields).encode()
        return self._read(urllib.request.Request(url, data, {"Referer": url}))

    def _read(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=30) as answer:
            return str(answer.read().decode())

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(
                context=ssl.create_default_context(cafile=self.registry.ca_file)
            ),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )


def commands_on(page: str) -> list[str]:
    """What a browser copies from it, as long as it is one line."""
    texts = [html.unescape(text) for text in dict.fromkeys(_COPIED.findall(page))]
    return [text for text in texts if "\n" not in text]


def document_on(page: str, name: str) -> str:
    """A document that a page shows line by line, and copies from there."""
    _, found, rest = page.partition(f'<div class="b-code" id="{name}"')
    assert found, f"no document {name}"
    lines = _LINE.findall(rest.partition("<button")[0])
    return "\n".join(html.unescape(_MARKUP.sub("", line)) for line in lines) + "\n"


def person_at_a_shell(home: Home, tools: Mapping[str, str] = TOOLS, **extra: str) -> Home:
    """The home of somebody who has these tools on the path and nothing else of ours."""
    folder = home.folder / "bin"
    folder.mkdir()
    for name, installed in tools.items():
        options = _storage_of_podman(home.folder) if name == "podman" else ""
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {client(installed)} {options} "$@"\n')
        script.chmod(0o755)
    return Home(home.folder, {**home.extra, **extra, "PATH": f"{folder}:{SYSTEM_PATH}"})


def logged_in(home: Home, registry: Registry, login: Login) -> Home:
    """For every tool at once."""
    pair = base64.b64encode(f"{login.name}:{login.password}".encode()).decode()
    (home.folder / ".docker").mkdir()
    (home.folder / ".docker/config.json").write_text(
        json.dumps({"auths": {registry.host: {"auth": pair}}})
    )
    return home


def typed(home: Home, command: str) -> str:
    """Run to success what somebody types; answer what it wrote."""
    return home.said("bash", "-c", command)


def typed_with_password(home: Home, command: str, password: str) -> str:
    """The same for a command that asks for a password, on a terminal. Answers all it wrote."""
    terminal, theirs = pty.openpty()
    with os.fdopen(terminal, "r+b", buffering=0) as ours:
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "bash", "-c", command],
            env=home.environment,
            cwd=home.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        wrote, answered = b"", False
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with suppress(OSError):  # the terminal is gone with its last process
            while time.monotonic() < deadline:
                if not (said := ours.read(4096)):
                    break
                wrote += said
                if b"assword" in wrote and not answered:
                    answered = True
                    ours.write(f"{password}\n".encode())
        code = process.wait(TIMEOUT_SECONDS)
    story = wrote.decode(errors="replace")
    assert code == 0, f"{command}\nexit {code}\n{story}"
    return story


def _storage_of_podman(folder: Path) -> str:
    return (
        f"--root={folder}/s --runroot={folder}/r --storage-driver=vfs"
        " --events-backend=file --cgroup-manager=cgroupfs"
    )
