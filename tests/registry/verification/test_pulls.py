"""Repositories that hand out only what is signed: what passes, what is refused, what is counted."""

import logging
from datetime import timedelta

import pytest
from django.test import Client

from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from registry.verification.models import UnsignedPulls, Verdict
from registry.verification.pulls import SignatureRequired, admit_pull
from registry.verification.services import remove_key
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import (
    NOW,
    bearer,
    descriptor,
    error_of,
    hold,
    image,
    index,
    make_repository,
    owner_of,
    push,
)
from tests.registry.verification.signed import (
    EMPTY,
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
def strict(repository: Repository) -> Repository:
    """A repository that trusts Alice and requires signatures."""
    trust(repository, ALICE)
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)
    return repository


@pytest.fixture
def web(strict: Repository) -> Manifest:
    return push_image(strict)


def passes(repository: Repository, digest: str) -> bool:
    try:
        admit_pull(repository=repository, digest=digest, now=NOW)
    except SignatureRequired:
        return False
    return True


def test_an_unsigned_image_is_refused_with_the_reason(strict: Repository, web: Manifest) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    for reference in ("v1", web.digest):
        response = client.get(f"/v2/acme/web/manifests/{reference}")
        assert response.status_code == 403
        assert error_of(response.json()) == (
            "DENIED",
            f"acme/web requires a valid signature to pull, and {web.digest} has none:"
            " it is not signed",
        )


def test_a_question_without_room_for_the_reason_is_answered(
    strict: Repository, web: Manifest
) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    response = client.head("/v2/acme/web/manifests/v1")

    assert (response.status_code, response.content) == (200, b"")
    assert UnsignedPulls.objects.count() == 0


def test_an_unsigned_image_is_refused_to_a_client_that_holds_it(
    strict: Repository, web: Manifest
) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    response = client.get("/v2/acme/web/manifests/v1", headers={"If-None-Match": f'"{web.digest}"'})

    assert response.status_code == 403


@pytest.mark.parametrize("form", ["tag", "subject"])
def test_a_signed_image_is_handed_out(strict: Repository, web: Manifest, form: str) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    if form == "tag":
        attach_by_tag(strict, web.digest, ALICE.simple(web.digest))
    else:
        attach_by_subject(strict, web.digest, ALICE.bundle(web.digest), **as_signature())

    assert client.get("/v2/acme/web/manifests/v1").status_code == 200


def test_only_a_valid_signature_lets_an_image_out(strict: Repository, web: Manifest) -> None:
    other = push_image(strict, "other", name="other")
    signed = ALICE.simple(web.digest)
    broken = Layer(signed.media_type, b"{}", signed.annotations)

    for layer in (MALLORY.simple(web.digest), ALICE.simple(other.digest), broken):
        attach_by_tag(strict, web.digest, layer)
        assert not passes(strict, web.digest)
    attach_by_subject(strict, web.digest, MALLORY.bundle(web.digest), **as_signature())
    assert not passes(strict, web.digest)


def test_the_reason_tells_what_is_wrong_with_the_signature(
    strict: Repository, web: Manifest
) -> None:
    attach_by_tag(strict, web.digest, MALLORY.simple(web.digest))

    with pytest.raises(SignatureRequired, match="its signature is invalid: it is not by a"):
        admit_pull(repository=strict, digest=web.digest, now=NOW)


def test_an_attestation_lets_nothing_out(strict: Repository, web: Manifest) -> None:
    attach_by_tag(strict, web.digest, ALICE.envelope(web.digest), suffix="att")
    attach_by_tag(strict, web.digest, ALICE.envelope(web.digest))
    broken = ALICE.attestation(web.digest, "https://example.com/broken")
    attach_by_subject(strict, web.digest, broken, **as_signature())

    assert Verdict.objects.filter(state=State.VALID).count() == 3
    assert not passes(strict, web.digest)


def test_a_tag_moved_after_signing_is_refused(strict: Repository, web: Manifest) -> None:
    attach_by_tag(strict, web.digest, ALICE.simple(web.digest))
    moved = push_image(strict, "v1", name="moved")

    assert not passes(strict, moved.digest)
    assert passes(strict, web.digest)


def test_removing_the_signature_or_its_key_ends_it(strict: Repository, web: Manifest) -> None:
    attach_by_tag(strict, web.digest, ALICE.simple(web.digest))
    assert passes(strict, web.digest)

    delete_tag(repository=strict, name=f"{web.digest.replace(':', '-')}.sig", now=NOW)
    assert not passes(strict, web.digest)

    key = Verdict.objects.get().key
    assert key
    attach_by_tag(strict, web.digest, ALICE.simple(web.digest))
    assert passes(strict, web.digest)
    remove_key(key=key, now=NOW)
    assert not passes(strict, web.digest)


def test_an_expired_tag_of_a_signature_counts_no_more(strict: Repository, web: Manifest) -> None:
    signature = attach_by_tag(strict, web.digest, ALICE.simple(web.digest))
    Tag.objects.filter(manifest=signature.pk).update(expires_at=NOW + timedelta(hours=1))

    assert passes(strict, web.digest)
    with pytest.raises(SignatureRequired):
        admit_pull(repository=strict, digest=web.digest, now=NOW + timedelta(hours=1))


def test_a_key_registered_a_moment_ago_counts_before_any_task_ran(
    repository: Repository,
) -> None:
    web = push_image(repository)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)
    assert not passes(repository, web.digest)

    trust(repository, ALICE)

    assert passes(repository, web.digest)


def _index_of(repository: Repository, *names: str, tag: str) -> tuple[Manifest, list[str]]:
    hold(repository, EMPTY)
    bodies = [image(EMPTY, annotations={"name": name}) for name in names]
    for body in bodies:
        push(repository, body, str(Digest.of(body)))
    return push(repository, index(*bodies), tag), [str(Digest.of(body)) for body in bodies]


def test_the_platforms_of_a_signed_index_are_handed_out(strict: Repository) -> None:
    signed, platforms = _index_of(strict, "arm", "amd", tag="v1")
    _, others = _index_of(strict, "arm", "s390x", tag="unsigned")
    attach_by_tag(strict, signed.digest, ALICE.simple(signed.digest))

    assert passes(strict, signed.digest)
    assert [passes(strict, one) for one in platforms] == [True, True]
    assert [passes(strict, one) for one in others] == [True, False]


def test_a_signed_index_of_indexes_vouches_for_what_they_list(strict: Repository) -> None:
    inner, platforms = _index_of(strict, "arm", tag="inner")
    body = bytes(Manifest.objects.get(pk=inner.pk).body)
    outer_body = index(body, manifests=[{**descriptor(body), "mediaType": inner.media_type}])
    outer = push(strict, outer_body, "outer")
    assert not passes(strict, platforms[0])

    attach_by_tag(strict, outer.digest, ALICE.simple(outer.digest))

    assert passes(strict, platforms[0])


def test_a_deleted_index_vouches_for_nothing(strict: Repository) -> None:
    signed, platforms = _index_of(strict, "arm", tag="v1")
    attach_by_tag(strict, signed.digest, ALICE.simple(signed.digest))

    Manifest.objects.filter(pk=signed.pk).update(deleted_at=NOW)

    assert not passes(strict, platforms[0])


def test_an_index_of_another_repository_vouches_for_nothing(strict: Repository) -> None:
    elsewhere, platforms = _index_of(make_repository("acme/elsewhere"), "arm", tag="v1")
    hold(strict, EMPTY)
    push(strict, image(EMPTY, annotations={"name": "arm"}), "v1")
    attach_by_tag(strict, elsewhere.digest, ALICE.simple(elsewhere.digest))

    assert not passes(strict, platforms[0])


def test_signing_one_platform_does_not_sign_the_index(strict: Repository) -> None:
    whole, platforms = _index_of(strict, "arm", "amd", tag="v1")
    attach_by_tag(strict, platforms[0], ALICE.simple(platforms[0]))

    assert passes(strict, platforms[0])
    assert not passes(strict, platforms[1])
    assert not passes(strict, whole.digest)


def test_signatures_attestations_and_sboms_can_always_be_pulled(
    strict: Repository, web: Manifest
) -> None:
    attached = [
        attach_by_tag(strict, web.digest, MALLORY.simple(web.digest)),
        attach_by_tag(strict, web.digest, MALLORY.envelope(web.digest), suffix="att"),
        attach_by_tag(strict, web.digest, SBOM, suffix="sbom"),
        attach_by_subject(strict, web.digest, MALLORY.bundle(web.digest), **as_signature()),
        attach_by_subject(strict, web.digest, SBOM, artifactType=SBOM.media_type),
    ]

    assert [passes(strict, one.digest) for one in attached] == [True] * 5


def test_the_list_under_the_fallback_tag_can_be_pulled(strict: Repository, web: Manifest) -> None:
    sbom = attach_by_subject(strict, web.digest, SBOM, artifactType=SBOM.media_type)
    body = index(bytes(sbom.body))
    listing = push(strict, body, referrers_tag(Digest.parse(web.digest)))
    unrelated = push(strict, index(annotations={"a": "b"}), "sha256-x")

    assert passes(strict, listing.digest)
    assert not passes(strict, unrelated.digest)


def test_an_sbom_that_is_attached_to_nothing_must_be_signed(strict: Repository) -> None:
    hold(strict, EMPTY, SBOM.content)
    body = image(EMPTY, layers=[descriptor(SBOM.content, SBOM.media_type)])
    pushed = push(strict, body, "v1")

    assert not passes(strict, pushed.digest)


def test_an_sbom_whose_file_has_the_type_of_a_layer_must_be_signed(
    strict: Repository, web: Manifest
) -> None:
    untyped = Layer("application/vnd.oci.image.layer.v1.tar", SBOM.content)
    pushed = attach_by_subject(strict, web.digest, untyped, artifactType=SBOM.media_type)

    assert not passes(strict, pushed.digest)


def test_another_artifact_with_a_subject_must_be_signed(strict: Repository, web: Manifest) -> None:
    note = Layer("application/vnd.example.note", b"remember")
    pushed = attach_by_subject(strict, web.digest, note, artifactType=note.media_type)

    assert not passes(strict, pushed.digest)


def test_a_dry_run_counts_what_it_would_refuse(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    trust(repository, ALICE)
    require_signatures(repository=repository, requirement=SignatureRequirement.REPORT, now=NOW)
    web, signed = push_image(repository), push_image(repository, "signed", name="signed")
    attach_by_tag(repository, signed.digest, ALICE.simple(signed.digest))
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    with caplog.at_level(logging.WARNING):
        for reference in ("v1", "v1", "signed"):
            assert client.get(f"/v2/acme/web/manifests/{reference}").status_code == 200

    counted = UnsignedPulls.objects.get()
    assert (counted.count, counted.requirement) == (2, "report")
    assert (counted.last_digest, counted.last_reason) == (web.digest, "it is not signed")
    assert f"a pull of acme/web@{web.digest} would be refused" in caplog.text


def test_pulls_are_counted_by_day_and_requirement(strict: Repository, web: Manifest) -> None:
    for now in (NOW, NOW, NOW + timedelta(days=1)):
        with pytest.raises(SignatureRequired):
            admit_pull(repository=strict, digest=web.digest, now=now)
    require_signatures(repository=strict, requirement=SignatureRequirement.REPORT, now=NOW)
    admit_pull(repository=strict, digest=web.digest, now=NOW)

    rows = UnsignedPulls.objects.order_by("day", "requirement")
    assert [(row.day.day, row.requirement, row.count) for row in rows] == [
        (1, "report", 1),
        (1, "required", 2),
        (2, "required", 1),
    ]


def test_without_a_requirement_nothing_is_asked(
    repository: Repository, django_assert_num_queries: pytest.FixtureDef[None]
) -> None:
    web = push_image(repository)

    with django_assert_num_queries(0):  # type: ignore[operator]
        admit_pull(repository=repository, digest=web.digest, now=NOW)


def test_a_signature_in_another_repository_does_not_count(strict: Repository) -> None:
    web = push_image(strict)
    elsewhere = make_repository("acme/elsewhere")
    push_image(elsewhere)
    attach_by_tag(elsewhere, web.digest, ALICE.simple(web.digest))

    assert Verdict.objects.get().state == State.VALID
    assert not passes(strict, web.digest)


def test_what_is_refused_can_still_be_resolved_by_the_registry_itself(
    strict: Repository, web: Manifest
) -> None:
    """Deleting and moving go on: only pulls are refused."""
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,delete"))

    assert client.delete("/v2/acme/web/manifests/v1").status_code == 202
