"""What a document names stays while the document stays, whatever it is and whenever it came."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown
from artifacts.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from registry.blobs.models import BlobLink
from registry.gc.forecast import forecast
from registry.gc.report import Report
from registry.gc.services import collect, collect_recent
from registry.manifests.models import Manifest
from registry.manifests.removal import BlobInUse, delete_blob, delete_manifest
from registry.manifests.restoration import RestoreRefused, restore_tag
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from tests.registry.builders import LAYER_TYPE, NOW, descriptor, hold, push
from tests.registry.gc.moments import GRACE, TIME_MACHINE

# ``BERTH_EXAMPLES=2000`` for a long search.
EXAMPLES = int(os.environ.get("BERTH_EXAMPLES", "25"))
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
ENTRY_TYPES = [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST, LAYER_TYPE, CACHE_CONFIG]
LAYER_TYPES = [LAYER_TYPE, LAYER_TYPE, FOREIGN, OCI_MANIFEST]
BLOBS = [f"content {n}".encode() for n in range(5)]
NAMES = ["a", "b"]
PAUSES = [timedelta(minutes=20), GRACE, timedelta(days=5), TIME_MACHINE]


def digest_of(body: bytes) -> str:
    return str(Digest.of(body))


@dataclass
class World:
    """One repository, driven by drawn steps, and all that was ever made for it."""

    repository: Repository
    data: st.DataObject
    now: datetime = NOW
    bodies: list[bytes] = field(default_factory=list)

    def step(self) -> None:
        steps = (
            self.make,
            self.make,
            self.make,
            self.upload,
            self.push_again,
            self.wait,
            self.delete_tag,
            self.delete_manifest,
            self.delete_blob,
            self.restore,
            self.collect,
        )
        self.data.draw(st.sampled_from(steps))()

    def pick(self, choices: Iterable[Any]) -> Any:
        return self.data.draw(st.sampled_from(list(choices)))

    def some(self, choices: Iterable[Any]) -> list[Any]:
        return self.data.draw(st.lists(st.sampled_from(list(choices)), max_size=3, unique=True))

    def upload(self) -> None:
        hold(self.repository, self.pick([*BLOBS, *self.bodies]), now=self.now)

    def wait(self) -> None:
        self.now += self.pick(PAUSES)

    def make(self) -> None:
        things = [*BLOBS, *self.bodies]
        note = {"n": str(len(self.bodies))}
        document: dict[str, Any] = {"schemaVersion": 2, "annotations": note}
        if self.data.draw(st.booleans()):
            document["mediaType"] = self.pick([OCI_INDEX, DOCKER_LIST])
            entries = self.some(things)
            document["manifests"] = [descriptor(one, self.pick(ENTRY_TYPES)) for one in entries]
        else:
            document["mediaType"] = self.pick([OCI_MANIFEST, DOCKER_MANIFEST])
            document["config"] = descriptor(self.pick(things), CACHE_CONFIG)
            layers = [descriptor(one, self.pick(LAYER_TYPES)) for one in self.some(things)]
            document["layers"] = layers
        if self.data.draw(st.booleans()):
            document["subject"] = descriptor(self.pick(things), OCI_MANIFEST)
        body = json.dumps(document).encode()
        needed = [document.get("config"), *document.get("layers", [])]
        wanted = {one["digest"] for one in needed if one and one["mediaType"] != FOREIGN}
        hold(self.repository, *(c for c in things if digest_of(c) in wanted), now=self.now)
        self.bodies.append(body)
        self._push(body)

    def push_again(self) -> None:
        if self.bodies:
            self._push(self.pick(self.bodies))

    def _push(self, body: bytes) -> None:
        reference = self.pick([digest_of(body), *NAMES])
        try:
            push(self.repository, body, reference, now=self.now)
        except ManifestBlobUnknown:
            return

    def delete_tag(self) -> None:
        try:
            delete_tag(repository=self.repository, name=self.pick(NAMES), now=self.now)
        except ManifestUnknown:
            return

    def delete_manifest(self) -> None:
        if not self.bodies:
            return
        digest = Digest.of(self.pick(self.bodies))
        try:
            delete_manifest(repository=self.repository, digest=digest, now=self.now)
        except ManifestUnknown:
            return

    def delete_blob(self) -> None:
        content = self.pick([*BLOBS, *self.bodies])
        present = Manifest.objects.present().filter(repository=self.repository)
        is_named = digest_of(content) in {name for row in present for name in named_by(row)}
        try:
            delete_blob(repository=self.repository, digest=Digest.of(content), now=NOW)
        except BlobInUse:
            assert is_named
        except BlobUnknown:
            return
        else:
            assert not is_named

    def restore(self) -> None:
        ended = Tag.objects.filter(repository=self.repository, ended_at__isnull=False)
        rows = list(ended.order_by("pk").values_list("name", "manifest__digest"))
        if not rows:
            return
        name, digest = self.pick(rows)
        try:
            restore_tag(repository=self.repository, name=name, digest=digest, now=self.now)
        except (ManifestUnknown, ManifestBlobUnknown, RestoreRefused):
            return

    def collect(self) -> None:
        manifests, blobs = self.wanted()
        foretold, done = Report(), Report()
        forecast(now=self.now, report=foretold)
        collect(now=self.now, report=done)
        left = set(Manifest.objects.values_list("digest", flat=True))
        links = set(BlobLink.objects.values_list("blob", flat=True))
        assert (left, links) == (manifests, blobs)
        assert foretold.counts == done.counts
        assert done.problems == []

    def wanted(self) -> tuple[set[str], set[str]]:
        """Digests of the manifests and of the blobs that must be left now, and no others."""
        rows = {row.digest: row for row in Manifest.objects.filter(repository=self.repository)}
        tagged = Tag.objects.kept(self.now - TIME_MACHINE).values_list("manifest__digest")
        new = {digest for (digest,) in tagged}
        new |= {one.digest for one in rows.values() if one.last_pushed_at > self.now - GRACE}
        kept: set[str] = set()
        while new:
            kept |= new
            named = {name for digest in new for name in listed_by(rows[digest])}
            about = {
                one.digest
                for one in rows.values()
                if one.subject_digest in new and one.deleted_at is None
            }
            new = (named & rows.keys() | about) - kept
        names = {name for digest in kept for name in named_by(rows[digest])}
        links = BlobLink.objects.filter(repository=self.repository)
        blobs = {
            link.blob_id
            for link in links
            if link.blob_id in names or link.last_pushed_at > self.now - GRACE
        }
        return kept, blobs


def listed_by(manifest: Manifest) -> Iterator[str]:
    document = json.loads(bytes(manifest.body))
    for one in (
        document.get("config"),
        *document.get("layers", []),
        *document.get("manifests", []),
    ):
        if one:
            yield one["digest"]


def named_by(manifest: Manifest) -> Iterator[str]:
    yield from listed_by(manifest)
    if manifest.subject_digest:
        yield manifest.subject_digest


@dataclass
class LookingAtRecent(World):
    """Collects only what became garbage since the last collection."""

    last: datetime = NOW - TIME_MACHINE

    def collect(self) -> None:
        wanted, done = self.wanted(), Report()
        since = self.last - timedelta(seconds=1)  # for what happened in the moment of the last
        collect_recent(since=since, now=self.now, report=done)
        self.last = self.now
        left = set(Manifest.objects.values_list("digest", flat=True))
        links = set(BlobLink.objects.values_list("blob", flat=True))
        assert (left, links) == wanted
        assert done.problems == []


@pytest.mark.parametrize("kind", [World, LookingAtRecent])
@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES <= 100,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_nothing_that_can_be_reached_is_collected_and_all_else_is(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, kind: type[World], data: st.DataObject
) -> None:
    monkeypatch.setattr("registry.rows.connections.time.sleep", lambda _: None)
    Tag.objects.all().delete()
    Manifest.objects.all().delete()
    BlobLink.objects.all().delete()
    world = kind(repository, data)

    for _ in range(data.draw(st.integers(1, 14))):
        world.step()
    world.collect()
    world.now += TIME_MACHINE
    world.collect()
