"""One list of everything attached to a manifest, however it was attached."""

from datetime import timedelta

import pytest

from artifacts.kinds.kinds import Kind
from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification import reads
from registry.verification.reads import Attachment, attached_manifests, attached_to, overview_of
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import NOW, descriptor, hold, image, index, make_repository, push
from tests.registry.verification.signed import (
    EMPTY,
    as_signature,
    attach_by_subject,
    attach_by_tag,
    push_image,
)

pytestmark = pytest.mark.django_db

ALICE = Signer()
SBOM = Layer("text/spdx+json", b'{"spdxVersion": "SPDX-2.3"}')
NOTE = Layer("application/vnd.example.note", b"remember")


@pytest.fixture
def web(repository: Repository) -> Manifest:
    return push_image(repository)


def digests(attachments: list[Attachment]) -> list[str]:
    return [one.digest for one in attachments]


def test_both_forms_are_one_list_in_four_groups(repository: Repository, web: Manifest) -> None:
    digest = web.digest
    old_sig = attach_by_tag(repository, digest, ALICE.simple(digest))
    new_sig = attach_by_subject(repository, digest, ALICE.bundle(digest), **as_signature())
    old_att = attach_by_tag(repository, digest, ALICE.envelope(digest), suffix="att")
    attestation = ALICE.attestation(digest, "https://spdx.dev/Document")
    new_att = attach_by_subject(
        repository,
        digest,
        attestation,
        annotations={"dev.sigstore.bundle.content": "dsse-envelope"},
    )
    old_sbom = attach_by_tag(repository, digest, SBOM, suffix="sbom")
    new_sbom = attach_by_subject(repository, digest, SBOM, artifactType="application/spdx+json")
    note = attach_by_subject(repository, digest, NOTE, artifactType=NOTE.media_type)

    groups = attached_to(repository, Digest.parse(digest), now=NOW)

    assert digests(groups.signatures) == [new_sig.digest, old_sig.digest]
    assert digests(groups.attestations) == [new_att.digest, old_att.digest]
    assert digests(groups.sboms) == [new_sbom.digest, old_sbom.digest]
    assert digests(groups.other) == [note.digest]
    assert len(list(groups)) == 7
    tag = digest.replace(":", "-")
    assert [one.tag for one in groups.signatures] == ["", f"{tag}.sig"]


def test_what_is_listed_under_the_fallback_tag_is_attached(
    repository: Repository, web: Manifest
) -> None:
    hold(repository, EMPTY, SBOM.content)
    body = image(EMPTY, layers=[descriptor(SBOM.content, SBOM.media_type)])
    sbom = push(repository, body, str(Digest.of(body)))

    push(repository, index(body), referrers_tag(Digest.parse(web.digest)))

    groups = attached_to(repository, Digest.parse(web.digest), now=NOW)
    assert digests(list(groups)) == digests(groups.sboms) == [sbom.digest]


def test_the_tag_of_a_copy_is_the_image_and_no_list(repository: Repository, web: Manifest) -> None:
    push(repository, bytes(Manifest.objects.get(pk=web.pk).body), f"sha256-{web.digest[7:]}")

    assert list(attached_to(repository, Digest.parse(web.digest), now=NOW)) == []


def test_a_manifest_attached_in_two_ways_is_listed_once(
    repository: Repository, web: Manifest
) -> None:
    pushed = attach_by_subject(repository, web.digest, SBOM, artifactType=SBOM.media_type)
    body = bytes(Manifest.objects.get(pk=pushed.pk).body)

    push(repository, body, f"{web.digest.replace(':', '-')}.sbom")

    (only,) = attached_to(repository, Digest.parse(web.digest), now=NOW)
    assert only.digest == pushed.digest


def test_a_tag_says_what_a_manifest_of_unknown_types_is_for(
    repository: Repository, web: Manifest
) -> None:
    attach_by_tag(repository, web.digest, NOTE, suffix="sbom")

    (only,) = attached_to(repository, Digest.parse(web.digest), now=NOW)
    assert (only.kind, only.manifest.kind) == (Kind.SBOM, Kind.ARTIFACT)


def test_an_expired_tag_attaches_nothing(repository: Repository, web: Manifest) -> None:
    pushed = attach_by_tag(repository, web.digest, SBOM, suffix="sbom")
    Tag.objects.filter(manifest=pushed.pk).update(expires_at=NOW)
    digest = Digest.parse(web.digest)

    assert list(attached_to(repository, digest, now=NOW)) == []
    assert len(list(attached_to(repository, digest, now=NOW - timedelta(seconds=1)))) == 1


def test_what_another_repository_holds_is_not_attached(
    repository: Repository, web: Manifest
) -> None:
    elsewhere = make_repository("acme/api", creator=None)
    attach_by_tag(elsewhere, web.digest, ALICE.simple(web.digest))
    attach_by_subject(elsewhere, web.digest, SBOM)

    assert list(attached_to(repository, Digest.parse(web.digest), now=NOW)) == []


def test_what_is_attached_is_found_in_pages_too(repository: Repository, web: Manifest) -> None:
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    attach_by_subject(repository, web.digest, SBOM)
    listed = push_image(repository, "listed", name="listed")
    push(repository, index(bytes(listed.body)), referrers_tag(Digest.parse(web.digest)))
    digest = Digest.parse(web.digest)

    rows = attached_manifests(repository, digest, now=NOW)

    assert {row.digest for row in rows} == {
        one.digest for one in attached_to(repository, digest, now=NOW)
    }
    assert listed.digest in {row.digest for row in rows}


def _built(repository: Repository, *names: str) -> tuple[Manifest, list[str], list[str]]:
    """An index as BuildKit pushes it: images, and an attestation of each. Their digests."""
    statement = b'{"_type": "https://in-toto.io/Statement/v0.1"}'
    hold(repository, EMPTY, statement)
    images = [image(EMPTY, annotations={"name": name}) for name in names]
    layer = descriptor(statement, "application/vnd.in-toto+json")
    attestations = [
        image(EMPTY, layers=[layer], annotations={"of": str(number)})
        for number, _ in enumerate(images)
    ]
    for body in (*images, *attestations):
        push(repository, body, str(Digest.of(body)))
    entries = [descriptor(body, "application/vnd.oci.image.manifest.v1+json") for body in images]
    for about, body in zip(images, attestations, strict=True):
        annotations = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": str(Digest.of(about)),
        }
        entry = descriptor(body, "application/vnd.oci.image.manifest.v1+json")
        entries.append({**entry, "annotations": annotations})
    built = push(repository, index(manifests=entries), "built")
    return (
        built,
        [str(Digest.of(body)) for body in images],
        [str(Digest.of(body)) for body in attestations],
    )


def test_what_an_index_lists_as_attestation_is_attached_to_the_image(
    repository: Repository,
) -> None:
    _, images, attestations = _built(repository, "amd", "arm")

    for digest, attestation in zip(images, attestations, strict=True):
        (only,) = attached_to(repository, Digest.parse(digest), now=NOW)
        assert (only.digest, only.kind) == (attestation, Kind.ATTESTATION)
        assert (only.is_in_index, only.can_be_verified) == (True, False)


def test_the_attestations_that_an_index_lists_are_attached_to_it(repository: Repository) -> None:
    built, _, attestations = _built(repository, "amd", "arm")
    digest = Digest.parse(built.digest)

    assert {one.digest for one in attached_to(repository, digest, now=NOW)} == set(attestations)
    paged = attached_manifests(repository, digest, now=NOW)
    assert {row.digest for row in paged} == set(attestations)


def test_lists_of_tags_count_what_indexes_list(repository: Repository) -> None:
    built, images, attestations = _built(repository, "amd", "arm")

    found = overview_of(repository, {built.digest, *images}, now=NOW)

    assert {digest: one.count for digest, one in found.items()} == {
        built.digest: 2,
        images[0]: 1,
        images[1]: 1,
    }
    (only,) = found[images[0]].attachments.attestations
    assert (only.digest, only.is_in_index) == (attestations[0], True)


def test_a_deleted_index_attaches_nothing(repository: Repository) -> None:
    built, images, _ = _built(repository, "amd")
    Manifest.objects.filter(pk=built.pk).update(deleted_at=NOW)

    assert list(attached_to(repository, Digest.parse(images[0]), now=NOW)) == []


def test_an_index_does_not_make_an_image_an_attestation(
    repository: Repository, web: Manifest
) -> None:
    other = push_image(repository, "other", name="other")
    entry = descriptor(bytes(other.body), other.media_type)
    about = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": web.digest,
    }
    push(repository, index(manifests=[{**entry, "annotations": about}]), "index")

    assert list(attached_to(repository, Digest.parse(web.digest), now=NOW)) == []


def test_a_list_that_is_cut_says_how_many_more(
    repository: Repository, web: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "MAX_ATTACHMENTS", 2)
    for number in range(5):
        note = Layer("application/vnd.example.note", b"remember", {"n": str(number)})
        attach_by_subject(repository, web.digest, note, artifactType=NOTE.media_type)

    groups = attached_to(repository, Digest.parse(web.digest), now=NOW)

    assert (len(groups.other), groups.left_out) == (2, 3)
