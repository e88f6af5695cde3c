"""The steps of a push and a pull, as clients take them."""

import hashlib

from .connection import Connection, UnexpectedAnswerError, expect
from .content import MANIFEST_TYPE, Blob, Image

OCTETS = "Content-Type: application/octet-stream\r\n"
ACCEPT_MANIFEST = f"Accept: {MANIFEST_TYPE}\r\n"


def push_blob(connection: Connection, repository: str, blob: Blob) -> None:
    """POST, then PUT with the whole content: helm and oras."""
    location = _open_upload(connection, repository)
    answer = connection.upload(
        "PUT",
        _with_digest(location, blob),
        headers=OCTETS,
        pieces=blob.pieces(),
        length=blob.size,
    )
    expect(answer, 201)


def stream_blob(connection: Connection, repository: str, blob: Blob) -> None:
    """POST, PATCH with the content, then an empty PUT: podman, docker and crane."""
    location = _open_upload(connection, repository)
    answer = connection.upload(
        "PATCH", location, headers=OCTETS, pieces=blob.pieces(), length=blob.size
    )
    location = _path(expect(answer, 202).header("Location"))
    expect(connection.request("PUT", _with_digest(location, blob)), 201)


def pull_blob(connection: Connection, repository: str, blob: Blob) -> None:
    path = f"/v2/{repository}/blobs/{blob.digest}"
    answer = expect(connection.request("GET", path, keep=False), 200)
    if answer.body_bytes != blob.size:
        raise UnexpectedAnswerError(f"{answer.body_bytes} bytes of a blob of {blob.size}")


def has_blob(connection: Connection, repository: str, blob: Blob) -> bool:
    path = f"/v2/{repository}/blobs/{blob.digest}"
    return expect(connection.request("HEAD", path), 200, 404).status == 200


def push_image(connection: Connection, repository: str, image: Image, tag: str) -> None:
    """Ask for each blob, stream the missing ones, then put the manifest under its tag."""
    for blob in (*image.layers, image.config):
        if not has_blob(connection, repository, blob):
            stream_blob(connection, repository, blob)
    answer = connection.request(
        "PUT",
        f"/v2/{repository}/manifests/{tag}",
        headers=f"Content-Type: {MANIFEST_TYPE}\r\n",
        body=image.manifest,
    )
    expect(answer, 201)


def pull_image(connection: Connection, repository: str, image: Image, tag: str) -> None:
    read_manifest(connection, repository, tag)
    for blob in (image.config, *image.layers):
        pull_blob(connection, repository, blob)


def read_manifest(
    connection: Connection, repository: str, reference: str, method: str = "GET"
) -> bytes:
    path = f"/v2/{repository}/manifests/{reference}"
    return expect(connection.request(method, path, headers=ACCEPT_MANIFEST), 200).body


def check_image(connection: Connection, repository: str, image: Image, tag: str) -> None:
    """Read an image back in full, so that no figure is about wrong bytes."""
    if read_manifest(connection, repository, tag) != image.manifest:
        raise UnexpectedAnswerError("the manifest came back changed")
    for blob in (image.config, *image.layers):
        answer = expect(connection.request("GET", f"/v2/{repository}/blobs/{blob.digest}"), 200)
        if f"sha256:{hashlib.sha256(answer.body).hexdigest()}" != blob.digest:
            raise UnexpectedAnswerError(f"blob {blob.digest} came back changed")


def _open_upload(connection: Connection, repository: str) -> str:
    answer = expect(connection.request("POST", f"/v2/{repository}/blobs/uploads/"), 202)
    return _path(answer.header("Location"))


def _path(location: str | None) -> str:
    if location is None:
        raise UnexpectedAnswerError("an upload without a Location")
    scheme, separator, rest = location.partition("://")
    return "/" + rest.partition("/")[2] if separator else scheme


def _with_digest(location: str, blob: Blob) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={blob.digest}"
