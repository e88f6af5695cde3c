"""The headers of a request, as the front door reads them."""

from typing import Any

from config.serving.transport import Scope

# With any of these a request has another kind of body, or means more than its address.
UNUSUAL = frozenset(
    {"expect", "forwarded", "origin", "transfer-encoding", "upgrade", "x-forwarded-host"}
)


class Headers(dict[str, str]):
    """By names in lower case, found by names in any."""

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, str(name).lower())

    def __getitem__(self, name: str) -> str:
        return dict.__getitem__(self, name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return dict.get(self, name.lower(), default)


def usual_headers(scope: Scope, unusual: frozenset[str]) -> Headers | None:
    """``None`` where one of them came twice, or is one of the ``unusual``."""
    raw = scope["headers"]
    headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])
    return headers if len(headers) == len(raw) and unusual.isdisjoint(headers) else None
