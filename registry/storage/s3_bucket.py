"""One S3 bucket: connection, requests and failures. What the bytes mean is settled elsewhere."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from artifacts.oci.errors import StorageFull
from registry.metrics import traces
from registry.storage.base import REQUESTS, SECONDS, BytesMissing, StorageUnavailable
from registry.storage.s3_presence import Presence

logger = logging.getLogger(__name__)

# As many connections as a web process has threads, so that none is opened and thrown away.
_CONNECTIONS = 128
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_ATTEMPTS = 3

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_UPLOAD_GONE = frozenset({"NoSuchUpload"})
_PAST_THE_END = frozenset({"416", "InvalidRange"})
_NO_ROOM = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage"})
_NO_ROOM_STATUS = 507
# Servers on a file system: the folder was just removed with the last object in it.
_MOMENTARY = frozenset({"ExistingObjectIsDirectory"})

Part = tuple[int, str, int]  # number, entity tag, bytes


class Connection(S3Storage):  # type: ignore[misc]
    """django-storages' backend with one connection for all threads.

    Its own has one per thread, each of several megabytes. A boto3 client may be shared.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._lock = Lock()
        self._shared: Any = None
        self._presence: Presence | None = None

    @property
    def connection(self) -> Any:
        with self._lock:
            self._shared = self._shared or super().connection
            return self._shared

    @property
    def client(self) -> Any:
        return self.connection.meta.client

    @property
    def presence(self) -> Presence:
        endpoint = self.client.meta.endpoint_url
        with self._lock:
            self._presence = self._presence or Presence(endpoint)
            return self._presence


def connect(
    *,
    s3_bucket: str,
    storage_path: str = "",
    s3_access_key: str = "",
    s3_secret_key: str = "",
    s3_region: str = "",
    endpoint_url: str = "",
    signature_version: str = "s3v4",
) -> Connection:
    """A connection to the bucket that parameters of ``S3Storage`` name."""
    return Connection(
        bucket_name=s3_bucket,
        location=storage_path,
        access_key=s3_access_key or None,
        secret_key=s3_secret_key or None,
        region_name=s3_region or None,
        endpoint_url=endpoint_url or None,
        client_config=Config(
            # Servers other than AWS seldom have a name for each bucket.
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            signature_version=signature_version,
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            max_pool_connections=_CONNECTIONS,
            # Checksums in trailers are newer than many servers that speak S3.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a listing: an object, or a multipart upload (then with an id)."""

    key: str
    moment: datetime
    size: int = 0
    multipart_id: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Keys here are relative to the folder in the bucket that belongs to Berth."""

    connection: Connection
    public: Connection | None = None  # under the name that clients reach it by, if another

    def put(self, key: str, content: bytes | bytearray) -> None:
        self._ask("put_object", key, Body=content, ContentType="application/octet-stream")

    def open(self, key: str, start: int, length: int) -> tuple[Any, int]:
        """The stream of a stretch and its length. Raises ``BytesMissing``."""
        stretch = f"bytes={start}-{start + length - 1}"
        try:
            answer = self._ask("get_object", key, Range=stretch)
        except _Refused as refused:
            if refused.answer in _PAST_THE_END:
                return None, 0
            raise
        sent = int(_field(answer, "ContentLength"))
        if start and not str(answer.get("ContentRange", "")).startswith(f"bytes {start}-"):
            raise _misunderstood("get_object", "it sent other bytes than it was asked for")
        return _field(answer, "Body"), min(sent, length)

    def size(self, key: str) -> int | None:
        try:
            return int(_field(self._ask("head_object", key), "ContentLength"))
        except BytesMissing:
            return None

    def delete(self, key: str) -> None:
        self._ask("delete_object", key)

    def begin(self, key: str) -> str:
        """Open a multipart upload; return its id."""
        answer = self._ask("create_multipart_upload", key, ContentType="application/octet-stream")
        return str(_field(answer, "UploadId"))

    def add(self, key: str, multipart_id: str, number: int, content: bytes | bytearray) -> Part:
        answer = self._ask(
            "upload_part", key, UploadId=multipart_id, PartNumber=number, Body=content
        )
        return number, str(_field(answer, "ETag")), len(content)

    def copy(
        self, key: str, multipart_id: str, number: int, *, source: str, start: int, end: int
    ) -> Part:
        """Make bytes ``[start, end)`` of an object a part, without moving them through here."""
        answer = self._ask(
            "upload_part_copy",
            key,
            UploadId=multipart_id,
            PartNumber=number,
            CopySource={"Bucket": self.connection.bucket_name, "Key": self._name(source)},
            CopySourceRange=f"bytes={start}-{end - 1}",
        )
        return number, str(_field(answer, "CopyPartResult", "ETag")), end - start

    def complete(self, key: str, multipart_id: str, parts: list[Part]) -> None:
        """Make an object of parts. To repeat it is no error. Raises ``BytesMissing``."""
        listed = [{"PartNumber": number, "ETag": tag} for number, tag, _ in parts]
        try:
            self._ask(
                "complete_multipart_upload",
                key,
                UploadId=multipart_id,
                MultipartUpload={"Parts": listed},
            )
        except BytesMissing:
            if self.size(key) != sum(size for _, _, size in parts):
                raise

    def abort(self, key: str, multipart_id: str) -> None:
        with suppress(BytesMissing):
            self._ask("abort_multipart_upload", key, UploadId=multipart_id)

    def link(self, key: str, seconds: int) -> str:
        """A URL that anybody may read the object at for a while."""
        return str(
            (self.public or self.connection).url(
                key, {"ResponseContentType": "application/octet-stream"}, expire=seconds
            )
        )

    def objects(self, folder: str, *, after: str = "") -> Iterator[list[Listed]]:
        """Pages of what is stored, in the order of the keys' bytes."""
        more = {"StartAfter": self._name(after)} if after else {}
        for page in self._pages("list_objects_v2", folder, **more):
            yield [
                Listed(
                    self._own(_field(entry, "Key")),
                    _field(entry, "LastModified"),
                    _field(entry, "Size"),
                )
                for entry in page.get("Contents", [])
            ]

    def multiparts(self, folder: str) -> Iterator[list[Listed]]:
        """Pages of multipart uploads that are open."""
        for page in self._pages("list_multipart_uploads", folder):
            yield [
                Listed(
                    self._own(_field(entry, "Key")),
                    _field(entry, "Initiated"),
                    multipart_id=_field(entry, "UploadId"),
                )
                for entry in page.get("Uploads", [])
            ]

    def multipart_ids(self, key: str) -> list[str]:
        """Multipart uploads that are open at one key. Some servers list no others."""
        listing = partial(
            self.connection.client.list_multipart_uploads,
            Bucket=self.connection.bucket_name,
            Prefix=self._name(key),
        )
        with _errors_in_our_words(f"list_multipart_uploads {key}"):
            answer = self.connection.presence.wait_for(listing)
            return [
                str(_field(entry, "UploadId"))
                for entry in answer.get("Uploads", [])
                if _field(entry, "Key") == self._name(key)
            ]

    def require(self) -> None:
        """Raise ``StorageUnavailable`` when there is no such bucket for us."""
        name = self.connection.bucket_name
        try:
            with _errors_in_our_words("head_bucket"):
                ask = self.connection.client.head_bucket
                self.connection.presence.wait_for(partial(ask, Bucket=name))
        except BytesMissing as error:
            raise StorageUnavailable(why=f"there is no bucket {name}") from error

    def _ask(self, operation: str, key: str, **parameters: Any) -> Any:
        method: Callable[..., Any] = getattr(self.connection.client, operation)
        wanted = {"Bucket": self.connection.bucket_name, "Key": self._name(key), **parameters}
        request = partial(method, **wanted)
        with (
            traces.span(f"S3 {operation}", {}),
            _timed(operation),
            _errors_in_our_words(f"{operation} {key}"),
        ):
            for _ in range(_ATTEMPTS):
                try:
                    return self.connection.presence.wait_for(request)
                except ClientError as error:
                    if error.response["Error"]["Code"] not in _MOMENTARY:
                        raise
            return self.connection.presence.wait_for(request)

    def _pages(self, operation: str, folder: str, **parameters: Any) -> Iterator[Any]:
        pages = self.connection.client.get_paginator(operation).paginate(
            Bucket=self.connection.bucket_name, Prefix=f"{self._name(folder)}/", **parameters
        )
        with _errors_in_our_words(operation):
            yield from pages

    def _name(self, key: str) -> str:
        folder = self.connection.location
        return f"{folder}/{key}" if folder else key

    def _own(self, name: str) -> str:
        folder = self.connection.location
        return name.removeprefix(f"{folder}/") if folder else name


@contextmanager
def _timed(operation: str) -> Iterator[None]:
    began = time.monotonic()
    result = "failed"
    try:
        yield
        result = "ok"
    except BytesMissing:
        result = "absent"
        raise
    finally:
        REQUESTS.add(operation, result)
        SECONDS.observe(time.monotonic() - began, operation)


class _Refused(StorageUnavailable):
    def __init__(self, answer: str, why: str) -> None:
        super().__init__("the registry's storage refused a request; its log says why", why=why)
        self.answer = answer


def _field(answer: Any, *names: str) -> Any:
    """A value that every S3 answers with. Raises ``StorageUnavailable`` where it is not there."""
    value = answer
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        raise _misunderstood(".".join(names), "it is not in the answer")
    return value


def _misunderstood(request: str, why: object) -> StorageUnavailable:
    logger.error("S3 answered %s as no S3 does: %s", request, why)
    return StorageUnavailable(
        "the registry's storage gave an answer that is none; its log says why", why=str(why)
    )


@contextmanager
def _errors_in_our_words(request: str) -> Iterator[None]:
    """What goes wrong between us and S3, in words of ours. The details go to the log."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _ABSENT | _UPLOAD_GONE:
            raise BytesMissing(request) from error
        if code in _NO_ROOM or status == _NO_ROOM_STATUS:
            raise StorageFull("the registry's storage is full") from error
        if code not in _PAST_THE_END:
            logger.error("S3 refused %s: %s", request, error)  # noqa: TRY400 - told once
        raise _Refused(code, str(error)) from error
    except BotoCoreError as error:
        logger.error("S3 did not answer %s: %s", request, error)  # noqa: TRY400 - told once
        raise StorageUnavailable(
            "the registry's storage does not answer; try again shortly", why=str(error)
        ) from error
    except Exception as error:
        # What boto3 stumbles over: redirects in a circle, no XML, dates that are none.
        raise _misunderstood(request, f"{type(error).__name__}: {error}") from error
