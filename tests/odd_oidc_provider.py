"""A provider of OpenID Connect that says what a test wants it to say, right or wrong."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT = "berth"
CONFIGURATION = "/.well-known/openid-configuration"
MINE = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)
CURVE = ec.generate_private_key(ec.SECP256R1())

Answer = tuple[int, bytes]


class OddProvider:
    """``answers`` holds what is said under a path; what is not in it is said rightly."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.claims: dict[str, Any] = {}  # None takes a claim out
        self.about: dict[str, Any] = {}
        self.user: dict[str, Any] = {"sub": "s-1", "preferred_username": "carol"}
        self.keys: list[dict[str, Any]] = [public_key(MINE)]
        self.sign: Callable[[dict[str, Any]], str] = signer(MINE)
        self.nonce = ""
        self.asked: list[str] = []

    def approve(self, address: str) -> str:
        """Agree to what the browser was sent here for; return where it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.nonce = asked.get("nonce", "")
        return f"{asked['redirect_uri']}?code=c-1&state={asked['state']}"

    def document(self, path: str) -> Any:
        now = int(time.time())
        match path:
            case "/.well-known/openid-configuration":
                places = {"authorization_endpoint", "token_endpoint", "userinfo_endpoint"}
                config = {name: f"{self.url}/{name}" for name in places}
                return config | {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.about
            case "/keys":
                return {"keys": self.keys}
            case "/token_endpoint":
                said = {
                    **{"iss": self.url, "aud": CLIENT, "sub": self.user["sub"]},
                    **{"iat": now, "exp": now + 300, "nonce": self.nonce},
                    **self.claims,
                }
                claims = {name: claim for name, claim in said.items() if claim is not None}
                return {"access_token": "t", "token_type": "Bearer", "id_token": self.sign(claims)}
            case "/userinfo_endpoint":
                return self.user
        return None


def public_key(key: Any, **more: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k-1", **more}


def signer(key: Any, algorithm: str = "RS256", **header: Any) -> Callable[[dict[str, Any]], str]:
    header = {name: value for name, value in {"kid": "k-1", **header}.items() if value is not None}
    return lambda claims: jwt.encode(claims, key, algorithm=algorithm, headers=header)


def says(content: bytes, status: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def leads_to(address: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def drips(beginning: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """A byte now and then, for ever: no single wait for it is long."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(beginning)
        while True:
            handler.wfile.write(b"a")
            time.sleep(0.05)

    return answer


def pours(handler: BaseHTTPRequestHandler) -> None:
    """Bytes for ever."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 65536)


@contextmanager
def odd_provider() -> Iterator[OddProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            provider.asked.append(path)
            try:
                provider.answers.get(path, says(_json(provider.document(path))))(self)
            except OSError:  # the other side has had enough
                self.close_connection = True

        do_POST = do_GET  # noqa: N815 - the name that the server looks for

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider = OddProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()
