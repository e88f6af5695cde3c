"""A server that answers as no S3 does: an error of the store, and nobody else is asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from config.keys.storage_drivers import driver_settings
from registry.storage.base import BytesMissing, StorageUnavailable
from registry.storage.s3_bucket import Bucket, connect
from registry.storage.s3_reader import S3Reader
from registry.storage.select import s3_store


@dataclass
class Stub:
    """Answers everything alike, and keeps what it was asked."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    asked: list[str] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def stub() -> Iterator[Stub]:
    with _serving("127.0.0.1") as stub:
        yield stub


@pytest.fixture
def other() -> Iterator[Stub]:
    """Where redirects lead to."""
    with _serving("127.0.0.2") as stub:
        yield stub


@pytest.fixture
def bucket(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setattr("registry.storage.s3_bucket._ATTEMPTS", 1)
    return Bucket(
        connect(
            s3_bucket="b",
            storage_path="berth",
            s3_access_key="key",
            s3_secret_key="secret",
            s3_region="us-east-1",
            endpoint_url=stub.address,
        )
    )


REQUESTS: dict[str, Callable[[Bucket], object]] = {
    "begin": lambda bucket: bucket.begin("k"),
    "add": lambda bucket: bucket.add("k", "u", 1, b"abc"),
    "copy": lambda bucket: bucket.copy("k", "u", 1, source="s", start=0, end=5),
    "list": lambda bucket: list(bucket.objects("blobs")),
}
LISTED = b"<ListBucketResult><Contents>%s</Contents></ListBucketResult>"
BOMB = b'<!DOCTYPE a [<!ENTITY a "%s">%s]><ListBucketResult><Name>&i;</Name></ListBucketResult>' % (
    b"a" * 20,
    b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(8)),
)
ANSWERS = {
    "a page": b"<html><p>Hello",
    "no XML": b"\x00\xff<<<",
    "a bomb": BOMB,
    "a date that is none": LISTED % b"<Key>x</Key><LastModified>z</LastModified><Size>1</Size>",
    "half an entry": LISTED % b"<Key>x</Key>",
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("request_name", REQUESTS)
def test_an_answer_that_is_none_is_an_error_of_the_store(
    request_name: str, answer: str, bucket: Bucket, stub: Stub
) -> None:
    stub.body = ANSWERS[answer]

    with pytest.raises(StorageUnavailable):
        REQUESTS[request_name](bucket)


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b""), (500, b"<html>"), (503, b"<Error><Code>SlowDown</Code></Error>")],
)
def test_a_refusal_is_an_error_of_the_store(
    status: int, body: bytes, bucket: Bucket, stub: Stub
) -> None:
    stub.status, stub.body = status, body

    with pytest.raises(StorageUnavailable):
        bucket.put("k", b"abc")


@pytest.mark.parametrize(("status", "region"), [(301, "evil"), (302, ""), (307, "@127.0.0.2")])
def test_no_redirect_leads_to_another_host(
    status: int, region: str, bucket: Bucket, stub: Stub, other: Stub
) -> None:
    stub.status = status
    stub.headers = {"Location": f"{other.address}/b/k", "x-amz-bucket-region": region}

    with pytest.raises(StorageUnavailable):
        bucket.put("k", b"abc")

    assert other.asked == []


@pytest.mark.parametrize("headers", [{}, {"Content-Range": "bytes 0-9/20"}])
def test_other_bytes_than_were_asked_for_are_not_delivered(
    headers: dict[str, str], bucket: Bucket, stub: Stub
) -> None:
    stub.status, stub.headers, stub.body = 200, headers, b"0123456789"

    with pytest.raises(StorageUnavailable):
        S3Reader(bucket, "k", 5, 5)


def test_no_more_bytes_are_delivered_than_were_asked_for(bucket: Bucket, stub: Stub) -> None:
    stub.body = b"0123456789"

    assert b"".join(S3Reader(bucket, "k", 0, 4)) == b"0123"


def test_what_is_not_there_is_missing(bucket: Bucket, stub: Stub) -> None:
    stub.status = 404

    with pytest.raises(BytesMissing):
        S3Reader(bucket, "k", 0, 4)


class _serving:  # noqa: N801 - a context manager
    def __init__(self, host: str) -> None:
        self._stub = stub = Stub()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.asked.append(self.path)
                self.send_response(stub.status)
                self.send_header("Content-Length", str(len(stub.body)))
                for name, value in stub.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(stub.body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        stub.address = f"http://{host}:{self._server.server_port}"

    def __enter__(self) -> Stub:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self._stub

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize(
    ("public", "host"),
    [
        ({}, "minio.internal:9000"),
        ({"public_endpoint_url": "https://s3.example.com"}, "s3.example.com"),
    ],
)
def test_links_name_the_bucket_as_clients_reach_it(public: dict[str, str], host: str) -> None:
    parameters = {"s3_bucket": "berth", "endpoint_url": "http://minio.internal:9000", **public}
    _, found = driver_settings(
        "S3Storage", {**parameters, "s3_access_key": "key", "s3_secret_key": "secret"}
    )

    assert urlsplit(s3_store(found).bucket.link("blobs/aa/1", 60)).netloc == host
