"""A request as the server tells of it, and the two forms in which it is read.

The front door reads the few headers that it knows from the scope; everything else goes by a WSGI
environment, which is built once for each request and says where it came from, past the proxies.
"""

import sys
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from accounts.origin import settle
from config.web_server.exchange import Scope

Environ = dict[str, Any]

# With any of these a request has another kind of body, or means more than its address.
UNUSUAL: Final = frozenset(
    {"expect", "forwarded", "origin", "transfer-encoding", "upgrade", "x-forwarded-host"}
)

_ENVIRON: Final = "berth.environ"  # where the scope keeps it
# What is found out about a request on its way, in its environment.
REQUEST_ID: Final = "berth.request_id"  # in the scope, too
ROUTE: Final = "berth.route"
_COMMON: Final = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "Berth",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
}
_WITHOUT_PREFIX: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


def usual_headers(scope: Scope, unusual: frozenset[str]) -> dict[str, str] | None:
    """By names in lower case; ``None`` where one came twice, or is one of the ``unusual``."""
    raw = scope["headers"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    return headers if len(headers) == len(raw) and unusual.isdisjoint(headers) else None


def environ_of(scope: Scope) -> Environ:
    """The WSGI environment of a request, without its input."""
    environ: Environ | None = scope.get(_ENVIRON)
    if environ is None:
        environ = scope[_ENVIRON] = _environ(scope)
        settle(environ)
    return environ


def _environ(scope: Scope) -> Environ:
    environ: Environ = {
        **_COMMON,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        REQUEST_ID: scope.get(REQUEST_ID, ""),
    }
    for name, value in _headers_of(scope).items():
        environ[_key(name)] = value
    return environ


def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"


def _headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request by their names in lower case; those of one name are one list.

    Names with an underscore are left out: they would pass for those with a hyphen.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers:
            value = f"{headers[name]}{'; ' if name == 'cookie' else ','}{value}"
        headers[name] = value
    return headers
