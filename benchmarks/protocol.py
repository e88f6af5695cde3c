"""The steps of a push and a pull, as clients take them."""

import hashlib

from .connection import Connection, UnexpectedAnswerError, expect
from .content import EMPTY, EMPTY_DIGEST, MANIFEST_TYPE, Blob, Image

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
    location = path_of(expect(answer, 202).header("Location"))
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
    push_manifest(connection, repository, image.manifest, tag)


def push_manifest(connection: Connection, repository: str, manifest: bytes, tag: str = "") -> None:
    reference = tag or f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    answer = connection.request(
        "PUT",
        f"/v2/{repository}/manifests/{reference}",
        headers=f"Content-Type: {MANIFEST_TYPE}\r\n",
        body=manifest,
    )
    expect(answer, 201)


def has_referrers(connection: Connection, repository: str, subject: Image) -> bool:
    """Whether the registry lists referrers; then also what they are made of is pushed."""
    path = f"/v2/{repository}/referrers/{subject.digest}"
    if expect(connection.request("GET", path), 200, 404).status != 200:
        return False
    location = _open_upload(connection, repository)
    answer = connection.request(
        "PUT", f"{location}{_query_sign(location)}digest={EMPTY_DIGEST}", headers=OCTETS, body=EMPTY
    )
    expect(answer, 201)
    return True


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
    return path_of(answer.header("Location"))


def path_of(location: str | None) -> str:
    """What to ask for next where an answer named an upload."""
    if location is None:
        raise UnexpectedAnswerError("an upload without a Location")
    scheme, separator, rest = location.partition("://")
    return "/" + rest.partition("/")[2] if separator else scheme


def _with_digest(location: str, blob: Blob) -> str:
    return f"{location}{_query_sign(location)}digest={blob.digest}"


def _query_sign(location: str) -> str:
    return "&" if "?" in location else "?"
