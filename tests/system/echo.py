"""An ASGI application that says what it got of a request, for tests of the server below ours."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Message = Mapping[str, Any]


async def application(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    body, is_whole = b"", False
    while not is_whole:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message["body"]
        is_whole = not message["more_body"]
    told = {"path": scope["raw_path"].decode(), "body": body.decode(), "is_whole": is_whole}
    content = json.dumps(told).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send(
        {"type": "http.response.start", "status": 200 if is_whole else 400, "headers": headers}
    )
    await send({"type": "http.response.body", "body": content})
