"""What is attached to each of many manifests says what is said of one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from artifacts.kinds.kinds import BUNDLE_CONTENT
from artifacts.oci.digest import Digest
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.reads import MAX_ATTACHMENTS_OF_EACH, attached_to, overview_of
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import NOW, index, make_repository, push
from tests.registry.verification.signed import (
    as_signature,
    attach_by_subject,
    attach_by_tag,
    push_image,
    trust,
)

pytestmark = pytest.mark.django_db

ALICE, MALLORY = Signer(), Signer()
SBOM = Layer("text/spdx+json", b'{"spdxVersion": "SPDX-2.3"}')


@pytest.fixture
def web(repository: Repository) -> Manifest:
    return push_image(repository)


def test_every_form_counts_as_it_does_for_one(repository: Repository, web: Manifest) -> None:
    trust(repository, ALICE)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    attach_by_tag(repository, web.digest, ALICE.envelope(web.digest), suffix="att")
    attach_by_subject(repository, web.digest, ALICE.bundle(web.digest), **as_signature())
    attach_by_subject(
        repository,
        web.digest,
        ALICE.attestation(web.digest, "https://spdx.dev/Document"),
        annotations={BUNDLE_CONTENT: "dsse-envelope"},
    )
    listed = push_image(repository, "listed", name="listed")
    push(repository, index(bytes(listed.body)), web.digest.replace(":", "-"))
    bare = push_image(repository, "bare", name="bare")

    found = overview_of(repository, {web.digest, bare.digest}, now=NOW)

    alone = attached_to(repository, Digest.parse(web.digest), now=NOW)
    for group in ("signatures", "attestations", "sboms", "other"):
        together = getattr(found[web.digest].attachments, group)
        assert [one.digest for one in together] == [one.digest for one in getattr(alone, group)]
        assert [one.verdicts for one in together] == [one.verdicts for one in getattr(alone, group)]
    assert found[web.digest].signature.state == State.VALID
    assert found[web.digest].count == 5
    assert found[bare.digest].signature.state is None
    assert found[bare.digest].count == 0


def test_a_valid_signature_is_seen_among_many_others(repository: Repository, web: Manifest) -> None:
    trust(repository, ALICE)
    attach_by_subject(repository, web.digest, ALICE.bundle(web.digest), **as_signature())
    for number in range(MAX_ATTACHMENTS_OF_EACH + 5):
        fake = MALLORY.bundle(web.digest)
        marked = {**as_signature()["annotations"], "n": str(number)}
        attach_by_subject(repository, web.digest, fake, annotations=marked)

    found = overview_of(repository, [web.digest], now=NOW)[web.digest]

    assert found.signature.state == State.VALID
    assert found.count == MAX_ATTACHMENTS_OF_EACH + 6


def test_a_signature_whose_tag_expired_or_is_elsewhere_does_not_count(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    Tag.objects.filter(is_companion=True).update(expires_at=NOW)
    elsewhere = make_repository("acme/elsewhere")
    attach_by_tag(elsewhere, web.digest, ALICE.simple(web.digest))

    found = overview_of(repository, [web.digest], now=NOW + timedelta(seconds=1))

    assert found[web.digest].signature.state is None


def test_many_manifests_ask_no_more_than_one(repository: Repository) -> None:
    digests = []
    for number in range(12):
        manifest = push_image(repository, f"v{number}", name=str(number))
        attach_by_tag(repository, manifest.digest, ALICE.simple(manifest.digest))
        sbom = attach_by_subject(repository, manifest.digest, SBOM)
        push(repository, index(bytes(sbom.body)), manifest.digest.replace(":", "-"))
        digests.append(manifest.digest)

    with CaptureQueriesContext(connection) as one:
        overview_of(repository, digests[:1], now=NOW)
    with CaptureQueriesContext(connection) as many:
        assert all(row.count == 2 for row in overview_of(repository, digests, now=NOW).values())

    assert len(many) == len(one) <= 8
