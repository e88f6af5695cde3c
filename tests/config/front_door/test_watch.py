"""What is counted, named and logged of a request, whoever answers it."""

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import Client

from config.front_door import watch
from config.front_door.requests import REQUEST_ID, ROUTE, environ_of
from config.front_door.watch import Watch, route_of
from config.logs import JsonLines, Lines, request_id
from registry.metrics.families import FAMILIES
from tests.asgi import Header, scope

GIVEN = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def _own_numbers() -> Iterator[None]:
    known = dict(FAMILIES)
    families = (watch.REQUESTS, watch.SECONDS, watch.RECEIVED, watch.SENT, watch.TOKENS)
    for family in families:
        family.forget()
    yield
    for family in families:
        family.forget()
    FAMILIES.clear()
    FAMILIES.update(known)


class Answers:
    """An application that answers with a status and a body, or fails, or says nothing."""

    def __init__(self, status: int = 200, body: bytes = b"", *, fails: bool = False) -> None:
        self._status, self._body, self._fails = status, body, fails

    async def __call__(self, about: Any, receive: Any, send: Any) -> None:
        if self._fails:
            raise ConnectionResetError
        while (await receive())["more_body"]:
            continue
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": self._body})


def ask(
    application: Any, about: dict[str, Any], pieces: Sequence[bytes] = (b"",)
) -> list[dict[str, Any]]:
    """What was sent."""
    incoming = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    watched = Watch(application)
    try:
        asyncio.run(watched(about, receive, send))
    finally:
        watched.flush()
    return sent


def name_of(sent: list[dict[str, Any]]) -> str:
    return str(dict(sent[0]["headers"])[b"x-request-id"].decode())


MANIFEST = "/v2/acme/web/manifests/v1"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/", "root"),
        ("/v2/auth", "token"),
        ("/v2/_catalog", "catalog"),
        (MANIFEST, "manifest"),
        ("/v2/acme/manifests/manifests/manifests", "manifest"),
        ("/v2/acme/web/blobs/sha256:0", "blob"),
        ("/v2/acme/web/blobs/uploads/", "uploads"),
        ("/v2/acme/web/blobs/uploads/1234", "upload"),
        ("/v2/acme/web/tags/list", "tags"),
        ("/v2/acme/web/referrers/sha256:0", "referrers"),
        ("/v2/x", "unknown"),
        ("/v2//", "unknown"),
    ],
)
def test_what_the_front_door_answers_has_the_name_of_its_route(path: str, route: str) -> None:
    assert route_of(scope("GET", path)) == f"distribution:{route}"


def test_what_nobody_knows_is_one_route() -> None:
    assert route_of(scope("GET", "/whatever/the/path/is")) == "unknown"


def test_what_django_answered_has_the_name_that_django_found() -> None:
    about = scope("GET", "/acme/web/")
    environ_of(about)[ROUTE] = "ui:repository"

    assert route_of(about) == "ui:repository"


def test_a_request_is_counted_by_door_route_method_and_code() -> None:
    ask(Answers(404), scope("GET", MANIFEST))

    key = ("distribution", "distribution:manifest", "GET", "404")
    assert watch.REQUESTS.values == {key: [1]}


def test_a_method_that_somebody_made_up_is_no_label() -> None:
    ask(Answers(405), scope("WHATEVER", MANIFEST))

    assert {labels[2] for labels in watch.REQUESTS.values} == {"other"}


def test_a_client_that_left_is_counted() -> None:
    with pytest.raises(ConnectionResetError):
        ask(Answers(fails=True), scope("GET", MANIFEST))

    assert {labels[3] for labels in watch.REQUESTS.values} == {"499"}


def test_bytes_that_are_sent_are_counted() -> None:
    ask(Answers(body=b"x" * 700), scope("GET", MANIFEST))

    assert watch.SENT.values == {("distribution", "distribution:manifest"): [700]}


def test_bytes_that_come_are_counted_whether_their_length_was_told_or_not() -> None:
    ask(Answers(201), scope("PUT", MANIFEST), [b"abc", b"de"])

    assert watch.RECEIVED.values == {("distribution", "distribution:manifest"): [5]}


@pytest.mark.parametrize(
    ("status", "result"), [(200, "issued"), (401, "refused"), (429, "refused"), (503, "failed")]
)
def test_tokens_are_counted_by_how_that_went(status: int, result: str) -> None:
    ask(Answers(status), scope("GET", "/v2/auth"))

    assert watch.TOKENS.values == {(result,): [1]}


def test_every_answer_names_its_request() -> None:
    assert name_of(ask(Answers(), scope("GET", "/")))


def test_two_requests_have_two_names() -> None:
    sent = [name_of(ask(Answers(), scope("GET", "/"))) for _ in range(2)]

    assert len(set(sent)) == 2


@pytest.mark.parametrize(
    "header",
    [
        (b"x-request-id", GIVEN.encode()),
        (b"traceparent", f"00-{GIVEN}-b7ad6b7169203331-01".encode()),
    ],
)
def test_a_name_that_a_proxy_gave_is_kept(header: Header) -> None:
    assert name_of(ask(Answers(), scope("GET", "/", [header]))) == GIVEN


BLOB = f"/v2/acme/web/blobs/sha256:{'0' * 64}"


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_content_that_caches_keep_carries_no_name_of_ours(method: str, path: str) -> None:
    (start, *_) = ask(Answers(), scope(method, path))

    assert b"x-request-id" not in dict(start["headers"])


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
def test_content_carries_the_name_that_a_proxy_gave(path: str) -> None:
    sent = ask(Answers(), scope("GET", path, [(b"x-request-id", GIVEN.encode())]))

    assert name_of(sent) == GIVEN


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", MANIFEST, 404), ("PUT", MANIFEST, 201)]
)
def test_a_failure_and_a_push_carry_a_name(method: str, path: str, status: int) -> None:
    assert name_of(ask(Answers(status), scope(method, path))) != ""


@pytest.mark.parametrize(
    "given", [b"", b"a b", b"x" * 129, b'"', b"\xe9", b"a\tb", b"<b>", b"a\r\nSet-Cookie: b"]
)
def test_a_name_that_could_mean_more_is_not_kept(given: bytes) -> None:
    sent = ask(Answers(), scope("GET", "/", [(b"x-request-id", given)]))

    assert name_of(sent).encode() != given


def test_django_knows_the_name_of_a_request() -> None:
    about = scope("GET", "/", [(b"x-request-id", GIVEN.encode())])
    ask(Answers(), about)

    assert environ_of(about)[REQUEST_ID] == GIVEN


@pytest.mark.django_db
def test_django_tells_the_route() -> None:
    response = Client().get("/livez")

    assert response.wsgi_request.META[ROUTE] == "health:livez"


@pytest.mark.django_db
def test_an_address_without_a_page_is_one_route() -> None:
    response = Client().get("/.well-known/nothing")

    assert response.wsgi_request.META[ROUTE] == "unknown"


@pytest.fixture
def lines(settings: Any, caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """What the access log got, line by line."""
    settings.ACCESS_LOG = True
    found: list[dict[str, Any]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(JsonLines().format(record)))

    handler = Handler()
    watch.access.addHandler(handler)
    yield found
    watch.access.removeHandler(handler)


def test_a_request_is_a_line_of_the_access_log(lines: list[dict[str, Any]]) -> None:
    ask(Answers(200, b"abc"), scope("GET", MANIFEST, [(b"x-request-id", GIVEN.encode())]))

    (line,) = lines
    facts = ("method", "route", "path", "status", "bytes", "address", "request_id")
    assert [line[name] for name in facts] == [
        "GET",
        "distribution:manifest",
        MANIFEST,
        200,
        3,
        "192.0.2.1",
        GIVEN,
    ]


def test_without_the_key_there_is_no_line(settings: Any, lines: list[dict[str, Any]]) -> None:
    settings.ACCESS_LOG = False
    ask(Answers(), scope("GET", MANIFEST))

    assert lines == []


def test_who_logged_in_is_named(lines: list[dict[str, Any]]) -> None:
    login = b"Basic " + b64encode(b"ada:secret-password")
    ask(Answers(), scope("GET", "/v2/auth", [(b"authorization", login)]))

    assert lines[0]["principal"] == "ada"


def test_who_could_not_log_in_is_not_named(lines: list[dict[str, Any]]) -> None:
    login = b"Basic " + b64encode(b"ada:secret-password")
    ask(Answers(401), scope("GET", "/v2/auth", [(b"authorization", login)]))

    assert lines[0]["principal"] == ""


SECRET = "s3cr3t-Zq9"


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        ("/v2/auth", f"password={SECRET}&token={SECRET}", []),
        (MANIFEST, f"X-Amz-Signature={SECRET}", []),
        (MANIFEST, "", [(b"authorization", f"Bearer {SECRET}".encode())]),
        (MANIFEST, "", [(b"authorization", f"Basic {SECRET}".encode())]),
        (MANIFEST, "", [(b"authorization", b"Basic " + b64encode(f"a:{SECRET}".encode()))]),
        (MANIFEST, "", [(b"authorization", SECRET.encode())]),
        (MANIFEST, "", [(b"cookie", f"sessionid={SECRET}".encode())]),
        (MANIFEST, "", [(b"referer", f"https://x/?token={SECRET}".encode())]),
        (f"/account/password/reset/key/1-{SECRET}/", "", []),
        (f"/account/confirm-email/{SECRET}/", "", []),
    ],
)
def test_no_secret_is_in_the_access_log(
    lines: list[dict[str, Any]], path: str, query: str, headers: list[Header]
) -> None:
    ask(Answers(), scope("GET", path, headers, query=query))

    assert SECRET not in json.dumps(lines)


@pytest.mark.parametrize(
    "path", ["/v2/a%0d%0aX", '/v2/"quoted"', "/v2/\xe9\u2028", "/" + "x" * 9000]
)
def test_every_line_is_a_line(lines: list[dict[str, Any]], path: str) -> None:
    ask(Answers(), scope("GET", path))

    assert len(lines[0]["path"]) <= 1000


def record(message: str, *values: object, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("berth", logging.ERROR, "x.py", 1, message, values, info)


HOSTILE = [
    f"postgresql://berth:{SECRET}@db/berth",
    f"Authorization: Bearer {SECRET}",
    f"Authorization: Basic {SECRET}",
    f"password={SECRET}",
    f"'token': '{SECRET}'",
    f"https://s3/b/k?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
    f"https://s3/b/k?AWSAccessKeyId=a&Signature={SECRET}",
    f"https://s3/b/k?X-Amz-Security-Token={SECRET}",
]


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_secret_is_in_a_message(formatter: logging.Formatter, text: str) -> None:
    assert SECRET not in formatter.format(record("it failed: %s", text))


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_secret_is_in_a_failure(formatter: logging.Formatter, text: str) -> None:
    assert SECRET not in formatter.format(record("it failed", error=ValueError(text)))


@pytest.mark.parametrize("text", ["a\nb", "\x00", '"', "\ud800", "\u2028", "x" * 100_000])
def test_each_record_is_one_line_of_json(text: str) -> None:
    line = JsonLines().format(record("%s", text, error=ValueError(text)))

    assert len(line.splitlines()) == 1
    assert json.loads(line)["level"] == "ERROR"


def test_lines_within_a_request_name_it() -> None:
    token = request_id.set(GIVEN)
    try:
        line = json.loads(JsonLines().format(record("x")))
    finally:
        request_id.reset(token)

    assert line["request_id"] == GIVEN


def test_lines_for_people_name_the_request() -> None:
    token = request_id.set(GIVEN)
    try:
        line = Lines().format(record("x"))
    finally:
        request_id.reset(token)

    assert line.endswith(f" ERROR berth [{GIVEN}]: x")
