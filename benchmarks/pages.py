"""``python -m benchmarks.pages``: how long pages, and lists of the management API, take in a large
registry.

It starts Berth on a data folder that ``manage.py generate_data`` has filled, or fills a new one.
"""

import argparse
import base64
import http.client
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from tests.live import ADMIN_PASSWORD, RunningServer, start_server

REPOSITORIES = 10_000
TAGS = 100_000
TIMES = 60
WARM_UP = 5
OWNER = "generated-owner"
MANY = "/generated/many-tags"
SMALL = "/generated/api-000001"


def pages(tags: int) -> Mapping[str, str]:
    """What is asked for, by what it is called; ``tags`` are in the repository that has many."""
    middle = tags // 2
    return {
        "first page": "/",
        "explore": "/explore",
        "organizations": "/organizations",
        "search": "/search?q=worker-0001",
        "suggestions": "/search/suggestions?q=worker-0001",
        "suggestions, by a substring": "/search/suggestions?q=orker-00012",
        "suggestions, of a reference": "/search/suggestions?q=generated/worker-000012:v1",
        "suggestions, of all": "/search/suggestions?q=generated",
        "organization": "/generated",
        "organization, filtered": "/generated?q=worker-0099",
        "organization, activity": "/generated/-/activity",
        "repository": MANY,
        "tags": f"{MANY}/-/tags",
        "tags, page after page": f"{MANY}/-/tags",
        "tags, filtered": f"{MANY}/-/tags?q=v{tags // 10 - 1}",
        "history": f"{MANY}/-/history",
        "one tag": f"{MANY}/-/tags/v{middle}",
        "compare": f"{MANY}/-/compare?a=v10&b=v{middle}",
        "retention": f"{MANY}/-/rules/retention",
        "access": f"{MANY}/-/access",
        "repository with one tag": SMALL,
        "tags of one with one tag": f"{SMALL}/-/tags",
        "manual": "/docs/images",
        "API, repositories": "/api/v1/repository?namespace=generated&last_modified=true",
        "API, repositories and pulls": "/api/v1/repository?namespace=generated&popularity=true",
        "API, all public repositories": "/api/v1/repository?public=true",
        "API, repository": f"/api/v1/repository{MANY}",
        "API, tags": f"/api/v1/repository{MANY}/tag/?limit=100&onlyActiveTags=true",
        "API, rights": f"/api/v1/repository{SMALL}/permissions/team/",
        "API, search": "/api/v1/find/repositories?query=worker-0001",
        "API, organization": "/api/v1/organization/generated",
        "API, audit trail": "/api/v1/organization/generated/logs",
    }


@dataclass
class Visitor:
    """Somebody signed in, on one connection that stays open."""

    connection: http.client.HTTPConnection
    cookies: dict[str, str]
    password_header: str = ""  # for the management API

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            return self._send("GET", path, b"")
        except http.client.RemoteDisconnected:  # nothing was asked for too long
            return self._send("GET", path, b"")

    def sign_in(self, name: str, password: str) -> None:
        _, page = self.get("/account/login/")
        match = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        token = match[1].decode() if match else ""
        form = {"csrfmiddlewaretoken": token, "login": name, "password": password}
        status, _ = self._send("POST", "/account/login/", urlencode(form).encode())
        if status != http.HTTPStatus.FOUND:
            raise SystemExit(f"benchmarks: {name} could not sign in: {status}")
        pair = base64.b64encode(f"{name}:{password}".encode()).decode()
        self.password_header = f"Basic {pair}"

    def _send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        login = {"Authorization": self.password_header}
        headers = login if path.startswith("/api/") else {"Cookie": pairs}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body or None, headers)
        response = self.connection.getresponse()
        content = response.read()
        for header in response.msg.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        return response.status, content


def main() -> int:
    options = _options()
    with _server(options) as server:
        visitor = Visitor(http.client.HTTPConnection(server.host, timeout=60), {})
        visitor.sign_in(OWNER, ADMIN_PASSWORD)
        print("| page | p50 | p99 | bytes |\n|---|---:|---:|---:|")
        for name, path in pages(options.tags).items():
            if options.page not in name:
                continue
            status, middle, worst, size = _measure(visitor, path, follows="after" in name)
            note = "" if status == http.HTTPStatus.OK else f" ({status})"
            print(f"| {name}{note} | {middle:.0f} | {worst:.0f} | {size:,} |", flush=True)
    return 0


def _measure(visitor: Visitor, path: str, *, follows: bool) -> tuple[int, float, float, int]:
    """The status, p50 and p99 in milliseconds, and the size; with ``follows``, by "Next"."""
    taken, place = [], path
    for number in range(WARM_UP + TIMES):
        begun = time.perf_counter()
        status, content = visitor.get(place)
        if number >= WARM_UP:
            taken.append((time.perf_counter() - begun) * 1000)
        if follows and (link := re.search(rb'href="([^"]+)" rel="next"', content)):
            place = path + link[1].decode().replace("&amp;", "&")
    return status, statistics.median(taken), statistics.quantiles(taken, n=100)[98], len(content)


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[RunningServer]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        data = options.data or Path(folder) / "data"
        server = start_server(data)
        try:
            if not options.data:
                amounts = [f"--repositories={options.repositories}", f"--tags={options.tags}"]
                begun = time.monotonic()
                print(server.manage("generate_data", *amounts).strip(), file=sys.stderr)
                print(f"in {time.monotonic() - begun:.0f} s", file=sys.stderr)
                server.manage("shell", "--no-imports", "--command", _GIVE_PASSWORD)
            yield server
        finally:
            server.stop()


_GIVE_PASSWORD = f"""
from django.utils import timezone
from accounts.users.models import User
from accounts.users.services import change_password
owner = User.objects.get(username="{OWNER}")
change_password(user=owner, password="{ADMIN_PASSWORD}", now=timezone.now())
"""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--repositories", type=int, default=REPOSITORIES)
    parser.add_argument("--tags", type=int, default=TAGS)
    parser.add_argument("--page", default="", help="only pages with this in their name")
    parser.add_argument("--data", type=Path, help="a data folder that is filled already")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
