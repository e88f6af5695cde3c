"""Proxies in front of a registry, set up as the manual says."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.clients.run import client
from tests.live import ROOT, free_port

LARGEST_BODY = "1m"
MANUAL = ROOT / "docs/manual/proxies.md"
_START_SECONDS = 20
_UNREADY = {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
NGINX_FILE = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A program, and how to start it with what the manual shows.

    ``start`` writes files to a folder and returns the command; ``replaced`` are words of the
    manual's text and what stands for them here: certificates are the only thing that is left out.
    """

    name: str
    replaced: Mapping[str, str]
    start: Callable[[list[str], Path], list[str]]


def _start_nginx(texts: list[str], folder: Path) -> list[str]:
    file = folder / "nginx.conf"
    file.write_text(NGINX_FILE.format(folder=folder, server=texts[0]))
    return ["-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]


def _start_haproxy(texts: list[str], folder: Path) -> list[str]:
    file = folder / "haproxy.cfg"
    file.write_text(texts[0])
    return ["-db", "-f", str(file)]


def _start_caddy(texts: list[str], folder: Path) -> list[str]:
    file = folder / "Caddyfile"
    file.write_text(f"{{\n    admin off\n    default_bind 127.0.0.1\n}}\n{texts[0]}")
    return ["run", "--adapter", "caddyfile", "--config", str(file)]


def _start_traefik(texts: list[str], folder: Path) -> list[str]:
    static, dynamic = texts
    (folder / "registry.yml").write_text(dynamic)
    file = folder / "traefik.yml"
    quiet = "global:\n  checkNewVersion: false\n"  # it would ask its maker
    file.write_text(quiet + static.replace("/etc/traefik", str(folder)))
    return [f"--configfile={file}"]


NGINX = Proxy(
    "nginx",
    {
        "listen 443 ssl http2;": "listen 127.0.0.1:PORT;",
        "ssl_certificate /etc/nginx/registry.crt;": "",
        "ssl_certificate_key /etc/nginx/registry.key;": "",
    },
    _start_nginx,
)
HAPROXY = Proxy(
    "haproxy",
    {"bind :443 ssl crt /etc/haproxy/registry.pem alpn h2,http/1.1": "bind 127.0.0.1:PORT"},
    _start_haproxy,
)
CADDY = Proxy("caddy", {"registry.example.com {": "http://:PORT {"}, _start_caddy)
TRAEFIK = Proxy(
    "traefik",
    {
        '":443"': '"127.0.0.1:PORT"',
        "Host(`registry.example.com`)": "PathPrefix(`/`)",
        "tls: {}": "",
    },
    _start_traefik,
)
PROXIES = [NGINX, HAPROXY, CADDY, TRAEFIK]


@contextmanager
def before(
    registry: str, proxy: Proxy, folder: Path, *, replaced: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start a proxy before the registry at ``registry``; the value is its own host and port.

    Where the program is not installed, the test is skipped or fails as one of a missing client.

    Args:
        replaced: more words of the manual's text, and what shall stand for them.
    """
    program = client(proxy.name)
    port = free_port()
    words = {**proxy.replaced, **(replaced or {}), "127.0.0.1:8080": registry}
    texts = [_with(text, words).replace("PORT", str(port)) for text in recipes(proxy.name)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *proxy.start(texts, folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": str(folder)},
        )
    try:
        _wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def recipes(name: str) -> list[str]:
    """What the manual shows for a proxy, file by file."""
    section = re.split(r"^## ", MANUAL.read_text(), flags=re.M)
    text = next(part for part in section if part.lower().startswith(name))
    return re.findall(r"^```\w+\n(.*?)^```", text, re.M | re.S)


def _with(text: str, words: Mapping[str, str]) -> str:
    for theirs, ours in words.items():
        text = text.replace(theirs, ours)
    return text


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the registry answers: Traefik listens before it knows a route, and says 404."""
    deadline = time.monotonic() + _START_SECONDS
    while not _passes_on(port):
        assert process.poll() is None, "the proxy ended"
        assert time.monotonic() < deadline, "the proxy did not start"
        time.sleep(0.02)


def _passes_on(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status not in _UNREADY
        except (OSError, HTTPException):
            return False
