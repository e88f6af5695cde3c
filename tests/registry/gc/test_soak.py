"""Pushers, deleters and collectors for a while; then everything that must be there is."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from pytest_django import Settings

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown
from artifacts.oci.names import Reference
from registry.blobs.services import find_blob, mount_blob, renew_lease
from registry.gc.report import Garbage, Report
from registry.gc.services import collect
from registry.manifests import reads
from registry.manifests.reads import resolve_manifest
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository
from registry.tags.services import delete_tag
from tests.registry.builders import descriptor, hold, image, index, make_repository, push
from tests.registry.gc.invariants import assert_clean, assert_whole
from tests.registry.stored import content_of
from tests.soak import rounds, seed
from tests.threads import Aside

SECONDS = rounds(15)
GRACE_SECONDS = 2
PUSHERS = 4
COLLECTORS = 2
TRIES = 50
LAYERS = 12

pytestmark = [
    pytest.mark.randomized,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600 + 2 * SECONDS),
]


@dataclass
class Pusher:
    """Pushes, moves and deletes tags of its own, with layers that others push too."""

    name: str
    repository: Repository
    others: list[Repository]
    random: Random
    tags: dict[str, bytes] = field(default_factory=dict)  # where each must point
    signatures: dict[str, bytes] = field(default_factory=dict)  # of what a tag points at
    pushes: int = 0

    def step(self) -> None:
        choice = self.random.random()
        tag = f"{self.name}-{self.random.randrange(4)}"
        if choice < 0.25 and tag in self.tags:
            self._delete(tag)
        elif choice < 0.5:
            self._push_index(tag)
        else:
            self._push(self._image(), tag)
        if tag in self.tags and choice > 0.8:
            self._sign(tag)

    def check(self) -> None:
        """All that is tagged can be pulled whole, with what is attached to it."""
        for tag, body in self.tags.items():
            assert self._pull(tag) == body
            for child in _listed(body):
                self._pull(child)
            if signature := self.signatures.get(tag):
                assert self._pull(str(Digest.of(signature))) == signature

    def _pull(self, reference: str) -> bytes:
        body = resolve_manifest(
            repository=self.repository,
            reference=Reference.parse(reference),
            with_body=True,
            now=_now(),
        ).body
        for digest in _blobs(body):
            assert Digest.of(content_of(self.repository, digest)) == digest
        return body

    def _push(self, body: bytes, tag: str) -> None:
        self._put(body, tag)
        if self.tags.get(tag) != body:
            self.signatures.pop(tag, None)
        self.tags[tag] = body

    def _image(self, **changed: object) -> bytes:
        layers = [f"layer {self.random.randrange(LAYERS)}".encode() for _ in range(2)]
        label = {"pusher": self.name, "n": str(self.random.randrange(30))}
        return image(b"{}", *sorted(set(layers)), annotations={**label, **changed})

    def _push_index(self, tag: str) -> None:
        children = [self._image(child="yes") for _ in range(2)]
        for child in children:
            self._ensure_manifest(child)
        self._push(index(*children), tag)
        for child in children:  # a machine that stalled for the whole grace may have lost one
            self._ensure_manifest(child)

    def _ensure_manifest(self, body: bytes) -> None:
        try:
            found = resolve_manifest(
                repository=self.repository,
                reference=Reference(digest=Digest.of(body)),
                with_body=False,
                now=_now(),
            )
            reads.renew_lease(manifest=found, now=_now())
        except ManifestUnknown:
            self._put(body, str(Digest.of(body)))

    def _sign(self, tag: str) -> None:
        signature = image(b"{}", subject=descriptor(self.tags[tag]))
        self._put(signature, str(Digest.of(signature)))
        self.signatures[tag] = signature

    def _delete(self, tag: str) -> None:
        body = self.tags.pop(tag)
        self.signatures.pop(tag, None)
        if self.random.random() < 0.5:
            delete_tag(repository=self.repository, name=tag, now=_now())
            return
        delete_manifest(repository=self.repository, digest=Digest.of(body), now=_now())
        for other in [name for name, there in self.tags.items() if there == body]:
            del self.tags[other]
            self.signatures.pop(other, None)

    def _put(self, body: bytes, reference: str) -> None:
        """As clients do: ask for each blob, mount or upload what is missing, then push."""
        for _ in range(TRIES):
            self._ensure_blobs(body)
            try:
                push(self.repository, body, reference, now=_now())
            except ManifestBlobUnknown:
                continue  # this machine stalled for the whole grace
            self.pushes += 1
            return
        raise AssertionError("never came through")

    def _ensure_blobs(self, body: bytes) -> None:
        for digest in _blobs(body):
            try:
                found = find_blob(repository=self.repository, digest=digest, now=_now())
                renew_lease(blob=found, now=_now())
            except BlobUnknown:
                self._bring(digest)

    def _bring(self, digest: Digest) -> None:
        others = Repository.objects.filter(pk__in=[other.pk for other in self.others])
        mounted = self.random.random() < 0.5 and mount_blob(
            repository=self.repository, digest=digest, sources=others, now=_now()
        )
        if not mounted:
            hold(self.repository, CONTENT[digest], now=_now())


CONTENT = {
    Digest.of(text): text for text in [b"{}", *[f"layer {n}".encode() for n in range(LAYERS)]]
}


def test_what_is_tagged_survives_pushers_deleters_and_collectors(
    store_root: Path, settings: Settings
) -> None:
    settings.PUSH_TEMP_TAG_EXPIRATION_SEC = GRACE_SECONDS
    settings.DEFAULT_TAG_EXPIRATION = "0s"
    chosen = seed()
    repositories = [make_repository("acme/one"), make_repository("acme/two")]
    pushers = [
        Pusher(f"p{n}", repositories[n % 2], repositories, Random(f"{chosen}-{n}"))
        for n in range(PUSHERS)
    ]
    stop, reports = threading.Event(), [Report() for _ in range(COLLECTORS)]

    collectors = [Aside(_collecting(report, stop)) for report in reports]
    clients = [Aside(_pushing(pusher, time.monotonic() + SECONDS)) for pusher in pushers]
    results = [_ended(client) for client in clients]
    stop.set()

    assert results == [None] * PUSHERS
    assert [_ended(collector) for collector in collectors] == [None] * COLLECTORS
    assert [report.problems for report in reports] == [[]] * COLLECTORS
    for pusher in pushers:
        pusher.check()
    assert_whole()
    later = _now() + timedelta(seconds=GRACE_SECONDS)
    assert_clean(store_root, now=later)
    for pusher in pushers:
        pusher.check()
    assert sum(pusher.pushes for pusher in pushers) > PUSHERS
    assert sum(report.items(Garbage.MANIFEST) for report in reports)


def _pushing(pusher: Pusher, until: float) -> Callable[[], object]:
    def work() -> None:
        while time.monotonic() < until:
            pusher.step()

    return work


def _collecting(report: Report, stop: threading.Event) -> Callable[[], object]:
    def work() -> None:
        while not stop.wait(timeout=1):
            collect(now=_now(), report=report)

    return work


def _ended(aside: Aside) -> object:
    aside.join(timeout=300 + SECONDS)
    assert not aside.is_alive()
    return aside.value


def _listed(body: bytes) -> list[str]:
    return [child["digest"] for child in json.loads(body).get("manifests", [])]


def _blobs(body: bytes) -> list[Digest]:
    document = json.loads(body)
    parts = [*document.get("layers", []), *filter(None, [document.get("config")])]
    return [Digest.parse(part["digest"]) for part in parts]


def _now() -> datetime:
    return datetime.now(UTC)
