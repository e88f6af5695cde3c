"""Which tags of a repository are signed."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.users.models import User
from artifacts.kinds.kinds import BUNDLE_CONTENT
from registry.repositories.models import Repository, SignatureRequirement
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import index, make_organization, make_repository, make_user, push
from tests.registry.verification.signed import (
    as_signature,
    attach_by_subject,
    attach_by_tag,
    push_image,
    trust,
)
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

URL = "/acme/web/-/signatures"
ALICE, MALLORY = Signer(), Signer()
SBOM = Layer("text/spdx+json", b'{"spdxVersion": "SPDX-2.3"}')


@pytest.fixture
def web() -> Repository:
    make_organization("acme", owner=make_user("alice"))
    return make_repository("acme/web", is_public=True)


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def rows_of(response: Any) -> dict[str, Any]:
    assert response.status_code == 200
    return {row.tag.name: row for row in response.context["rows"]}


def test_each_tag_has_the_verdict_of_its_signatures_with_key_and_reason(web: Repository) -> None:
    trust(web, ALICE, "release")
    good, bad = push_image(web, "good", name="a"), push_image(web, "bad", name="b")
    push_image(web, "none", name="c")
    attach_by_tag(web, good.digest, ALICE.simple(good.digest))
    attach_by_tag(web, bad.digest, MALLORY.simple(bad.digest))

    response = Client().get(URL)

    states = {name: row.signature.state for name, row in rows_of(response).items()}
    assert states == {"good": "valid", "bad": "invalid", "none": None}
    text = text_of(response)
    assert "by the key release" in text
    assert "it is not by a registered key, or was changed after it was made" in text
    assert "Not signed" in text


def test_every_form_is_named(web: Repository) -> None:
    trust(web, ALICE)
    image = push_image(web, "v1")
    attach_by_tag(web, image.digest, ALICE.simple(image.digest))
    attach_by_subject(web, image.digest, ALICE.bundle(image.digest), **as_signature())
    attach_by_subject(
        web,
        image.digest,
        ALICE.attestation(image.digest, "https://slsa.dev/provenance/v1"),
        annotations={BUNDLE_CONTENT: "dsse-envelope"},
    )
    attach_by_subject(web, image.digest, SBOM, artifactType="text/spdx+json")
    other = push_image(web, "v2", name="other")
    loose = attach_by_subject(web, image.digest, SBOM, artifactType="application/spdx+json")
    fallback = other.digest.replace(":", "-")
    push(web, index(bytes(loose.body)), fallback)

    rows = rows_of(Client().get(URL))

    forms = [(proof.kind, proof.form) for proof in rows["v1"].proofs]
    assert ("signature", "cosign's tag") in forms
    assert ("signature", "Sigstore bundle, referrer") in forms
    assert ("attestation", "Sigstore bundle, referrer") in forms
    assert ("SBOM", "referrer") in forms
    assert [proof.what for proof in rows["v1"].proofs if proof.kind == "attestation"] == [
        "SLSA provenance v1"
    ]
    assert [proof.form for proof in rows["v2"].proofs] == ["list of referrers under a tag"]


def test_keys_and_requirement_are_shown(web: Repository) -> None:
    Repository.objects.filter(pk=web.pk).update(signature_requirement=SignatureRequirement.REQUIRED)
    key = trust(web, ALICE, "release")

    text = text_of(Client().get(URL))
    assert key.fingerprint[:16] in text
    assert "Only what a key below has signed can be pulled." in text
    assert "/acme/-/keys" not in text

    assert "/acme/-/keys" in text_of(browser(User.objects.get(username="alice")).get(URL))


def test_many_tags_ask_no_more_than_one(web: Repository) -> None:
    trust(web, ALICE)

    def fill(number: int) -> None:
        image = push_image(web, f"v{number}", name=f"{number}")
        attach_by_tag(web, image.digest, ALICE.simple(image.digest))
        sbom = attach_by_subject(web, image.digest, SBOM)
        push(web, index(bytes(sbom.body)), image.digest.replace(":", "-"))

    fill(0)
    with CaptureQueriesContext(connection) as one:
        assert len(rows_of(Client().get(URL))) == 1
    for number in range(1, 30):
        fill(number)
    with CaptureQueriesContext(connection) as many:
        assert len(rows_of(Client().get(URL))) == 30

    assert len(many) == len(one)


def test_the_command_to_sign_is_the_one_that_cosign_3_takes(web: Repository) -> None:
    image = push_image(web, "v1")

    shown = Client().get(URL).content.decode()

    command = "cosign sign --key cosign.key --tlog-upload=false --use-signing-config=false"
    assert f"{command} --allow-http-registry testserver:80/acme/web@{image.digest}" in shown
