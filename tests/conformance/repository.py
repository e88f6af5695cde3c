"""A repository as one caller sees it: its endpoints, and the pushes that tests start from."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.conformance.client import Answer, Client, Headers, escaped
from tests.conformance.content import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Document,
    descriptor,
    digest_of,
    encode,
    image,
    unique,
)

OCTETS: Headers = [("Content-Type", "application/octet-stream")]


@dataclass(frozen=True, slots=True)
class Image:
    digest: str
    body: bytes

    def descriptor(self, media_type: str = OCI_MANIFEST, **fields: object) -> Document:
        found = {"mediaType": media_type, "digest": self.digest, "size": len(self.body)}
        return {**found, **fields}


@dataclass(frozen=True, slots=True)
class Repository:
    client: Client
    name: str

    def path(self, rest: str) -> str:
        return f"/v2/{self.name}/{rest}"

    def blob(self, digest: str) -> str:
        return self.path(f"blobs/{digest}")

    def manifest(self, reference: str) -> str:
        return self.path(f"manifests/{escaped(reference)}")

    def uploads(self, **query: str) -> str:
        return self.path("blobs/uploads/") + (f"?{urlencode(query)}" if query else "")

    def seen_by(self, client: Client) -> "Repository":
        return Repository(client, self.name)

    def open_upload(self, **query: str) -> str:
        answer = self.client.post(self.uploads(**query))
        assert answer.status == 202, answer
        return answer.header("Location")

    def offset(self, location: str) -> int:
        """Bytes an upload session holds; 0 also where it holds exactly one."""
        answer = self.client.get(location)
        assert answer.status == 204, answer
        first, _, last = answer.header("Range").partition("-")
        assert first == "0"
        return int(last) + 1 if int(last) else 0

    def settled_offset(self, location: str, at_least: int = 0) -> int:
        """The offset once the server has noticed that a connection broke."""
        deadline = time.monotonic() + 30
        offset, before = self.offset(location), -1
        while (offset < at_least or offset != before) and time.monotonic() < deadline:
            time.sleep(0.02)
            offset, before = self.offset(location), offset
        return offset

    def commit(self, location: str, digest: str, body: bytes | list[bytes] = b"") -> Answer:
        return self.client.put(closing(location, digest), body=body, headers=OCTETS)

    def push_blob(
        self, content: bytes, media_type: str = OCI_LAYER, algorithm: str = "sha256"
    ) -> Document:
        """Push by POST then PUT."""
        digest = digest_of(content, algorithm)
        answer = self.commit(self.open_upload(), digest, content)
        assert answer.status == 201, answer
        return descriptor(content, media_type, algorithm=algorithm)

    def has_blob(self, digest: str) -> bool:
        answer = self.client.head(self.blob(digest))
        if answer.status == 404:
            return False
        assert answer.status == 200, answer
        return True

    def put_manifest(
        self, body: bytes | Document, reference: str = "", media_type: str = OCI_MANIFEST
    ) -> Answer:
        """Push a manifest, by its digest where no reference is given."""
        content = body if isinstance(body, bytes) else encode(body)
        headers = [("Content-Type", media_type)]
        path = self.manifest(reference or digest_of(content))
        return self.client.put(path, body=content, headers=headers)

    def push_manifest(
        self, body: bytes | Document, reference: str = "", media_type: str = OCI_MANIFEST
    ) -> Image:
        content = body if isinstance(body, bytes) else encode(body)
        answer = self.put_manifest(content, reference, media_type)
        assert answer.status == 201, answer
        return Image(digest_of(content), content)

    def push_image(self, reference: str = "", **fields: object) -> Image:
        """A small image nobody pushed before, with its config and one layer."""
        return self.push_manifest(self.image_document(**fields), reference)

    def image_document(self, **fields: object) -> Document:
        """The document of an image whose blobs are pushed and which is not pushed itself."""
        config = self.push_blob(b'{"unique": "%s"}' % unique(8).hex().encode(), OCI_CONFIG)
        return image(config, [self.push_blob(unique())], **fields)

    def tags(self, query: str = "") -> list[str]:
        answer = self.client.get(self.path(f"tags/list{query}"))
        assert answer.status == 200, answer
        found: list[str] = answer.json()["tags"]
        return found

    def referrers(self, digest: str, query: str = "") -> list[dict[str, Any]]:
        answer = self.client.get(self.path(f"referrers/{digest}{query}"))
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.json()["manifests"]
        return found


def closing(location: str, digest: str) -> str:
    """The location with ``digest`` added to whatever query it already has."""
    separator = "&" if "?" in location else "?"
    return f"{location}{separator}digest={escaped(digest)}"
