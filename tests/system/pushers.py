"""Clients that push without end, and know what the server promised them."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.conformance.client import Answer, Client
from tests.conformance.content import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Document,
    descriptor,
    digest_of,
    encode,
    image,
    index,
)
from tests.conformance.repository import Repository
from tests.system.uploads import Upload

TAGS = 3
CONNECTION_LOST = (OSError, http.client.HTTPException)


@dataclass(slots=True)
class Push:
    """A manifest on its way in with what it needs, as far as that is known to be there."""

    reference: str
    body: bytes
    media_type: str
    uploads: list[Upload]


@dataclass(slots=True)
class Pusher:
    """One client with tags of its own, so that it knows where they must point."""

    name: str
    repository: Repository
    random: Random
    shared_blobs: list[bytes]
    manifests: dict[str, bytes] = field(default_factory=dict)  # acknowledged, by digest
    images: list[Document] = field(default_factory=list)  # their descriptors
    tags: dict[str, set[str]] = field(default_factory=dict)  # where each may point
    under_way: Push | None = None
    resumed: int = 0

    def push_until_killed(self) -> None:
        try:
            while True:
                self.under_way = self._next_push()
                self._finish(self.under_way)
        except CONNECTION_LOST:
            return

    def push_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            self._finish(self._next_push())

    def repeat_what_was_interrupted(self) -> None:
        push, self.under_way = self.under_way, None
        if push is None:
            return
        if push.uploads and self.random.random() < 0.7:
            self.resumed += bool(push.uploads[0].location)
            push.uploads[0].go_on()
            push.uploads.pop(0)
        self._finish(push)

    def check_promises(self) -> None:
        """Everything acknowledged can be pulled whole, and tags point where they must."""
        pulled: set[str] = set()
        for digest, body in self.manifests.items():
            answer = self.repository.client.get(self.repository.manifest(digest))
            if answer.status == 404:  # its tags moved on: it is there, and waits to be restored
                assert b"can be restored until" in answer.body, (digest, answer)
                answer = self._pushed_again(digest, body)
            assert (answer.status, answer.body) == (200, body), (digest, answer)
            document = answer.json()
            for part in [*document.get("layers", []), document.get("config")]:
                if part and part["digest"] not in pulled:
                    self._pull_blob(part)
                    pulled.add(part["digest"])
        self.check_tags()

    def check_tags(self) -> None:
        for tag, allowed in self.tags.items():
            answer = self.repository.client.get(self.repository.manifest(tag))
            found = answer.header("Docker-Content-Digest") if answer.status == 200 else ""
            assert found in allowed, (tag, allowed, answer)
            if found:
                assert digest_of(answer.body) == found

    def _pushed_again(self, digest: str, body: bytes) -> Answer:
        """A manifest as it is pulled after a push without any blob."""
        media_type = json.loads(body)["mediaType"]
        assert self.repository.put_manifest(body, digest, media_type).status == 201
        return self.repository.client.get(self.repository.manifest(digest))

    def _pull_blob(self, part: Document) -> None:
        answer = self.repository.client.get(self.repository.blob(part["digest"]))
        assert answer.status == 200, (part, answer)
        assert len(answer.body) == part["size"]
        assert digest_of(answer.body) == part["digest"]

    def _next_push(self) -> Push:
        reference = f"{self.name}-{self.random.randrange(TAGS)}"
        choice = self.random.random()
        if self.images and choice < 0.25:  # a tag moves
            digest = self.random.choice(self.images)["digest"]
            return Push(reference, self.manifests[digest], OCI_MANIFEST, [])
        if len(self.images) > 1 and choice < 0.4:
            body = encode(index(self.random.sample(self.images, 2), annotations=self._label()))
            return Push(reference, body, OCI_INDEX, [])
        return self._image("" if choice < 0.55 else reference)

    def _image(self, reference: str) -> Push:
        config = encode(self._label())
        layers = [self._layer() for _ in range(self.random.randrange(1, 3))]
        parts = [descriptor(layer) for layer in layers]
        body = encode(image(descriptor(config, OCI_CONFIG), parts))
        uploads = [Upload(self.repository, blob, self.random) for blob in (config, *layers)]
        return Push(reference or digest_of(body), body, OCI_MANIFEST, uploads)

    def _layer(self) -> bytes:
        if self.random.random() < 0.3:
            return self.random.choice(self.shared_blobs)
        return self.random.randbytes(self.random.choice([100, 5_000, 70_000, 1_500_000]))

    def _label(self) -> Document:
        return {"unique": self.random.randbytes(8).hex()}

    def _finish(self, push: Push) -> None:
        while push.uploads:
            push.uploads[0].push()
            push.uploads.pop(0)
        digest = digest_of(push.body)
        if push.reference != digest:
            self.tags.setdefault(push.reference, {""}).add(digest)
        answer = self.repository.put_manifest(push.body, push.reference, push.media_type)
        assert answer.status == 201, (push, answer)
        if digest not in self.manifests and push.media_type == OCI_MANIFEST:
            self.images.append(descriptor(push.body, OCI_MANIFEST))
        self.manifests[digest] = push.body
        if push.reference != digest:
            self.tags[push.reference] = {digest}


def make_pushers(client: Client, name: str, count: int, seed: int) -> list[Pusher]:
    """Clients of one repository; some of what they push is the same."""
    random = Random(seed)
    shared = [random.randbytes(40_000) for _ in range(8)]
    repository = Repository(client, name)
    return [
        Pusher(f"p{number}", repository, Random(f"{seed}-{number}"), shared)
        for number in range(count)
    ]
