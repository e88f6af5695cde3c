"""A small registry client that sends exactly what it is told and trusts nothing.

Every request goes over its own connection, so that it may reach any worker, and its target is
not normalised. Every answer under ``/v2/`` is held to what all of them must obey.
"""

import base64
import http.client
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from tests.conformance.invariants import check

TIMEOUT_SECONDS = 30

Body = bytes | Sequence[bytes]
Headers = Sequence[tuple[str, str]]

_CHALLENGE_PART = re.compile(r'([a-z_]+)="([^"]*)"')
_REPOSITORY = re.compile(r"^/v2/(.+?)/(?:blobs|manifests|tags|referrers)/")


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def header(self, name: str) -> str:
        """The values of a header joined by commas, empty where it is absent."""
        return ", ".join(self.headers.get_all(name) or [])

    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.headers.items()} {self.body[:500]!r}"

    @property
    def code(self) -> str:
        """The code of the first error, empty where the body holds none."""
        if self.status < http.HTTPStatus.BAD_REQUEST or not self.body:
            return ""
        return str(self.json()["errors"][0]["code"])

    @property
    def challenge(self) -> dict[str, str]:
        return dict(_CHALLENGE_PART.findall(self.header("WWW-Authenticate")))


@dataclass(slots=True)
class Client:
    """One caller. Without a name it asks for anonymous tokens, as podman does."""

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    address: str = ""
    _service: str = ""
    _tokens: dict[str, tuple[frozenset[str], str]] = field(default_factory=dict, repr=False)

    def request(
        self, method: str, path: str, *, body: Body | None = None, headers: Headers = ()
    ) -> Answer:
        """Send a request, and once more with the token that the challenge asks for."""
        if any(name.lower() == "authorization" for name, _ in headers):
            return self.send(method, path, body=body, headers=headers)
        resource = _resource(path)
        answer = self.send(method, path, body=body, headers=[*headers, *self._bearer(resource)])
        if answer.status != http.HTTPStatus.UNAUTHORIZED or not answer.challenge:
            return answer
        self._answer(answer.challenge, resource)
        return self.send(method, path, body=body, headers=[*headers, *self._bearer(resource)])

    def send(
        self, method: str, path: str, *, body: Body | None = None, headers: Headers = ()
    ) -> Answer:
        """Send one request as it is, and check what holds for every answer."""
        connection = http.client.HTTPConnection(
            self.host,
            timeout=TIMEOUT_SECONDS,
            source_address=(self.address, 0) if self.address else None,
        )
        try:
            connection.connect()
            _write(connection, method, path, body=body, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.msg, response.read())
        finally:
            connection.close()
        check(method, path, answer)
        return answer

    def get(self, path: str, headers: Headers = ()) -> Answer:
        return self.request("GET", path, headers=headers)

    def head(self, path: str, headers: Headers = ()) -> Answer:
        return self.request("HEAD", path, headers=headers)

    def post(self, path: str, *, body: Body = b"", headers: Headers = ()) -> Answer:
        return self.request("POST", path, body=body, headers=headers)

    def patch(self, path: str, *, body: Body = b"", headers: Headers = ()) -> Answer:
        return self.request("PATCH", path, body=body, headers=headers)

    def put(self, path: str, *, body: Body = b"", headers: Headers = ()) -> Answer:
        return self.request("PUT", path, body=body, headers=headers)

    def delete(self, path: str) -> Answer:
        return self.request("DELETE", path)

    def basic(self) -> Headers:
        if not self.username:
            return []
        pair = f"{self.username}:{self.password}".encode()
        return [("Authorization", f"Basic {base64.b64encode(pair).decode()}")]

    def ask_token(self, *scopes: str) -> Answer:
        query = urlencode([("service", self.service), *(("scope", scope) for scope in scopes)])
        return self.send("GET", f"/v2/auth?{query}", headers=self.basic())

    @property
    def service(self) -> str:
        """Whom tokens are for, as the challenge of ``/v2/`` says."""
        if not self._service:
            self._service = self.send("GET", "/v2/").challenge["service"]
        return self._service

    def token(self, *scopes: str) -> str:
        """A token with at most these scopes."""
        answer = self.ask_token(*scopes)
        assert answer.status == http.HTTPStatus.OK, answer
        return str(answer.json()["token"])

    def bearer(self, *scopes: str) -> Headers:
        return [("Authorization", f"Bearer {self.token(*scopes)}")]

    def _bearer(self, resource: str) -> Headers:
        _, token = self._tokens.get(resource, (frozenset(), ""))
        return [("Authorization", f"Bearer {token}")] if token else []

    def _answer(self, challenge: dict[str, str], resource: str) -> None:
        """Get the token a challenge asks for, keeping the rights of the one before."""
        held, _ = self._tokens.get(resource, (frozenset(), ""))
        scopes = held | frozenset(challenge.get("scope", "").split())
        realm = urlsplit(challenge["realm"])
        query = [*parse_qsl(realm.query), ("service", challenge["service"])]
        query += [("scope", scope) for scope in sorted(scopes)]
        answer = self.send("GET", f"{realm.path}?{urlencode(query)}", headers=self.basic())
        assert answer.status == http.HTTPStatus.OK, answer
        self._tokens[resource] = (scopes, str(answer.json()["access_token"]))


def in_pieces(content: bytes, size: int) -> list[bytes]:
    """Content cut up; a client given a list sends it with chunked transfer encoding."""
    return [content[start : start + size] for start in range(0, len(content), size)]


def link(answer: Answer) -> str:
    """The target of ``Link: <…>; rel="next"``, empty where there is none."""
    header = answer.header("Link")
    if not header:
        return ""
    match = re.fullmatch(r'<([^<>]+)>;\s*rel="?next"?', header)
    assert match, header
    parts = urlsplit(match[1])
    return f"{parts.path}?{parts.query}"


def escaped(text: str | bytes) -> str:
    return quote(text, safe="")


def _resource(path: str) -> str:
    match = _REPOSITORY.match(path)
    return unquote(match[1]) if match else path.partition("?")[0]


def _write(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    body: Body | None,
    headers: Headers,
) -> None:
    connection.putrequest(method, path, skip_accept_encoding=True)
    pieces: Iterable[bytes] | bytes | None = body
    chunked = not isinstance(body, bytes | None)
    if chunked:
        connection.putheader("Transfer-Encoding", "chunked")
    elif body is not None:
        connection.putheader("Content-Length", str(len(body)))
    for name, value in headers:
        connection.putheader(name, value)
    try:
        connection.endheaders(pieces, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        return  # The server may answer before it has read everything.
