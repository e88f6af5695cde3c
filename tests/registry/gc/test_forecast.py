"""A dry run says what a run does then, and both agree with a model of the rules."""

from dataclasses import dataclass, field
from random import Random

import pytest
from django.db.models import Sum

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.gc.forecast import forecast
from registry.gc.report import Garbage, Report
from registry.gc.services import collect
from registry.manifests.models import Manifest
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository
from tests.registry.builders import NOW, descriptor, hold, image, index, push
from tests.registry.gc.moments import GRACE, MUCH_LATER, SECOND
from tests.soak import rounds

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = (Garbage.MANIFEST, Garbage.DELETED_MANIFEST, Garbage.REFERRER)


@dataclass
class Graph:
    """Manifests pushed by chance, and what each keeps."""

    random: Random
    bodies: list[bytes] = field(default_factory=list)
    roots: set[bytes] = field(default_factory=set)
    deleted: set[bytes] = field(default_factory=set)
    keeps: dict[bytes, set[bytes]] = field(default_factory=dict)
    blobs: dict[bytes, set[bytes]] = field(default_factory=dict)

    def grow(self, repository: Repository) -> None:
        layer = f"layer {self.random.randrange(6)}".encode()
        subject = self.random.choice([None, *self.bodies])
        children = self.random.sample(self.bodies, min(len(self.bodies), self.random.randrange(4)))
        label = {"n": str(len(self.bodies))}
        changed = {"subject": descriptor(subject)} if subject else {}
        if children:
            body = index(*children, annotations=label, **changed)
        else:
            hold(repository, layer)
            body = image(layer, annotations=label, **changed)
            self.blobs[body] = {layer}
        self._push(repository, body)
        self.keeps.setdefault(body, set()).update(children)
        if subject:
            self.keeps.setdefault(subject, set()).add(body)
        self.bodies.append(body)

    def _push(self, repository: Repository, body: bytes) -> None:
        digest, choice = Digest.of(body), self.random.random()
        young = choice < 0.05
        push(repository, body, str(digest), now=MUCH_LATER - GRACE + SECOND if young else NOW)
        if choice < 0.15:
            self.roots.add(body)
        if not young and choice < 0.15:
            push(repository, body, f"v{len(self.bodies)}")
        elif choice > 0.85:
            delete_manifest(repository=repository, digest=digest, now=NOW)
            self.deleted.add(body)

    def kept(self) -> set[bytes]:
        found, new = set(self.roots), set(self.roots)
        while new:
            below = {
                kept
                for one in new
                for kept in self.keeps[one]
                # A deleted referrer is kept by what lists it only.
                if kept not in self.deleted or descriptor(kept)["digest"] in one.decode()
            }
            new = below - found
            found |= new
        return found


@pytest.mark.randomized
@pytest.mark.parametrize("seed", range(rounds(8)))
def test_a_dry_run_foretells_a_run_and_both_follow_the_rules(
    repository: Repository, seed: int
) -> None:
    graph = Graph(Random(seed))
    for _ in range(25):
        graph.grow(repository)
    kept = graph.kept()

    foretold, done = Report(), Report()
    forecast(now=MUCH_LATER, report=foretold)
    before = Blob.objects.aggregate(size=Sum("size", default=0))["size"]
    collect(now=MUCH_LATER, report=done)

    assert set(Manifest.objects.values_list("digest", flat=True)) == {
        str(Digest.of(body)) for body in kept
    }
    assert foretold.counts == done.counts
    assert set(Blob.objects.values_list("digest", flat=True)) == {
        str(Digest.of(blob)) for body in kept for blob in graph.blobs.get(body, ())
    }
    after = Blob.objects.aggregate(size=Sum("size", default=0))["size"]
    assert done.freed_bytes == before - after
    assert sum(done.items(kind) for kind in KINDS) == len(graph.bodies) - len(kept)


def test_a_dry_run_changes_nothing(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"), str(Digest.of(image(b"{}"))))

    report = Report()
    forecast(now=MUCH_LATER, report=report)

    assert report.items(Garbage.MANIFEST) == 1
    assert report.freed_bytes == len(b"{}")
    assert Manifest.objects.count() == Blob.objects.count() == 1
