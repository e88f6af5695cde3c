"""Steps of pushes through an ASGI application, whose bodies come in pieces."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from artifacts.oci.digest import Digest
from config.front_door.transport import Transport
from tests.asgi import scope

UPLOADS = "/v2/acme/web/blobs/uploads/"
Headers = Mapping[str, str]
_SESSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(slots=True)
class Answered:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces_left: int = 0  # of the body, that nobody received

    def of_any_session(self) -> tuple[int, dict[str, str], bytes]:
        named = {name: _SESSION.sub("SESSION", value) for name, value in self.headers.items()}
        return self.status, named, re.sub(_SESSION.pattern.encode(), b"SESSION", self.body)


class Asking:
    """One event loop with one application on it, to which bodies come in pieces."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()

    def __call__(
        self,
        method: str,
        address: str,
        body: Sequence[bytes] = (),
        headers: Headers | None = None,
        *,
        is_cut: bool = False,
        stalls: bool = False,
    ) -> Answered:
        answered = Answered()
        length = sum(map(len, body)) + (10 if is_cut else 0)
        last = {"type": "http.disconnect"} if is_cut else part(b"", more=False)
        coming = [*[part(piece, more=True) for piece in body], *([] if stalls else [last])]

        async def receive() -> dict[str, Any]:
            if coming:
                return coming.pop(0)
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                answered.headers = {
                    name.decode(): value.decode() for name, value in message["headers"]
                }
            else:
                answered.body += message.get("body", b"")

        sent = {"Host": "localhost", "Content-Length": str(length), **(headers or {})}
        named = [(name.lower().encode(), value.encode()) for name, value in sent.items() if value]
        path, _, query = address.partition("?")
        served = self._application(scope(method, path, named, query), receive, send)
        self._loop.run_until_complete(asyncio.wait_for(served, 30))
        answered.pieces_left = len(coming)
        return answered

    def close(self) -> None:
        self._loop.close()


def part(content: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


class NoViews(Transport):
    """Fails where the front door leaves a request to the views."""

    def __init__(self) -> None:
        super().__init__(lambda *_: [], threads=1)

    async def __call__(self, *_: Any) -> None:
        raise AssertionError("left to the views")


def opened(ask: Asking, headers: Headers) -> str:
    return ask("POST", UPLOADS, headers=headers).headers["location"]


def closing(location: str, content: bytes) -> str:
    return f"{location}?digest={Digest.of(content)}"
