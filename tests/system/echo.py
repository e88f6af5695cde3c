"""An ASGI application that says what it got of a request, for tests of the server below ours.

``python -m tests.system.echo PORT [CERTIFICATE KEY]`` serves it as Berth serves its own.
"""

import json
import sys
from pathlib import Path

from config.serving.processes import ServedCertificate
from config.serving.tls import server_context
from config.web_server.exchange import Receive, Scope, Send
from config.web_server.limits import listen
from config.web_server.server import Server


async def application(scope: Scope, receive: Receive, send: Send) -> None:
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


def main(port: str, *files: str) -> None:
    tls = server_context(ServedCertificate(*map(Path, files))) if files else None
    Server(application, listen("127.0.0.1", int(port)), tls=tls, most=512).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
