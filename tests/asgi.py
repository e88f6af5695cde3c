"""Requests as an ASGI server tells of them (ASGI 3.0, "HTTP Connection Scope")."""

from collections.abc import Iterable
from typing import Any

Header = tuple[bytes, bytes]


def scope(
    method: str, path: str, headers: Iterable[Header] = (), query: str = ""
) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", "8080"),
        "client": ("192.0.2.1", "50000"),
        "headers": list(headers),
    }
