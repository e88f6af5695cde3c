"""The pages of SBOMs, attestations and artifacts that no registry knows."""

import json

import pytest
from django.test import Client

from artifacts.kinds.kinds import Kind
from registry.repositories.models import Repository
from tests.artifacts.signatures.signing import Signer, statement
from tests.registry.builders import make_repository
from tests.registry.verification.signed import attach_by_subject
from tests.ui.contents.pushed import page, push_artifact, push_image, tag_url, url_of
from ui.contents.documents import MAX_LISTED, MAX_SHOWN

pytestmark = pytest.mark.django_db

SPDX = "application/spdx+json"
TITLE = "org.opencontainers.image.title"


@pytest.fixture
def things() -> Repository:
    return make_repository("acme/things", is_public=True)


def spdx(*names: str) -> bytes:
    packages = [{"name": name, "versionInfo": "1"} for name in names]
    return json.dumps({"spdxVersion": "SPDX-2.3", "packages": packages}).encode()


def test_an_sbom_lists_its_components(things: Repository) -> None:
    push_artifact(things, (spdx("openssl", "musl"), SPDX, {}), reference="v1")

    text = page(tag_url(things, "v1"))

    assert "SPDX-2.3" in text
    assert '<th scope="row" class="b-break">openssl</th>' in text


def test_components_are_filtered_and_paged(things: Repository) -> None:
    content = spdx(*(f"package-{n:03}" for n in range(150)))
    push_artifact(things, (content, SPDX, {}), reference="v1")
    url = tag_url(things, "v1")

    first, second = page(url), page(url, page="1")
    filtered = page(url, q="PACKAGE-149")

    assert "package-099" in first
    assert "package-100" not in first
    assert "package-149" in second
    assert "1 found" in filtered
    assert "package-149" in filtered


def test_an_sbom_that_is_not_shown_says_what_it_is(things: Repository) -> None:
    push_artifact(things, (b"SPDXVersion: SPDX-2.3", "text/spdx", {}), reference="v1")

    text = page(tag_url(things, "v1"))

    assert "The SBOM is SPDX as tags and values, which is kept and not shown." in text
    assert "b-note-warning" not in text


def test_an_sbom_that_is_broken_warns(things: Repository) -> None:
    push_artifact(things, (b"{", SPDX, {}), reference="v1")

    text = page(tag_url(things, "v1"))

    assert "The SBOM begins as JSON, and cannot be read from line 1 on." in text
    assert "b-note-warning" in text


def test_an_sbom_with_a_byte_order_mark_lists_its_components(things: Repository) -> None:
    push_artifact(things, (b"\xef\xbb\xbf" + spdx("openssl"), SPDX, {}), reference="v1")

    assert '<th scope="row" class="b-break">openssl</th>' in page(tag_url(things, "v1"))


def test_of_several_sboms_in_one_manifest_each_can_be_opened(things: Repository) -> None:
    layers = [
        (spdx("openssl"), SPDX, {TITLE: "first.spdx.json"}),
        (spdx("musl"), SPDX, {TITLE: "second.spdx.json"}),
        (b"SPDXVersion: SPDX-2.3\n", "text/spdx", {}),
    ]
    push_artifact(things, *layers, reference="v1")
    url = tag_url(things, "v1")

    every, second = page(url), page(url, document="2")

    assert 'href="?document=2#documents">second.spdx.json</a>' in every
    assert '<th scope="row" class="b-break">openssl</th>' in every
    assert "Document 3 is SPDX as tags and values, which is kept and not shown." in every
    assert '<th scope="row" class="b-break">musl</th>' in second
    assert "openssl</th>" not in second
    assert '<input type="hidden" name="document" value="2">' in second


IN_TOTO = "application/vnd.in-toto+json"
PREDICATE = "in-toto.io/predicate-type"
PROVENANCE = "https://slsa.dev/provenance/v0.2"


def buildkit_layers(sboms: int) -> list[tuple[bytes, str, dict[str, str]]]:
    """As BuildKit writes them: an SBOM for each stage, then where it all comes from."""
    predicates = [f"https://spdx.dev/Document/{n}" for n in range(sboms)] + [PROVENANCE]
    return [
        (
            statement(f"sha256:{'a' * 64}", predicateType=kind, predicate={"n": number}),
            IN_TOTO,
            {PREDICATE: kind},
        )
        for number, kind in enumerate(predicates)
    ]


def test_of_many_statements_the_provenance_is_shown_and_the_others_are_listed(
    things: Repository,
) -> None:
    push_artifact(things, *buildkit_layers(6), reference="v1")
    url = tag_url(things, "v1")

    text, sixth = page(url), page(url, document="6")

    assert f"<dt>Predicate</dt><dd><code>{PROVENANCE}</code></dd>" in text
    assert text.count("<dt>Predicate</dt>") == MAX_SHOWN
    assert text.count('<span class="b-quiet">not opened</span>') == 7 - MAX_SHOWN
    assert sixth.count("<dt>Predicate</dt>") == 1
    assert "<code>https://spdx.dev/Document/5</code>" in sixth


def test_documents_past_the_list_are_counted(things: Repository) -> None:
    push_artifact(things, *buildkit_layers(MAX_LISTED + 2), reference="v1")

    assert "And 3 more, which the manifest below names." in page(tag_url(things, "v1"))


def test_an_attestation_shows_its_predicate_and_its_builder(things: Repository) -> None:
    subject = push_image(things)
    signer = Signer()
    predicate = {"builder": {"id": "https://builder.example.com"}}
    layer = signer.envelope(
        subject.digest, predicateType="https://slsa.dev/provenance/v0.2", predicate=predicate
    )
    attestation = attach_by_subject(things, subject.digest, layer, artifactType=layer.media_type)

    text = page(url_of(attestation))

    assert attestation.kind == Kind.ATTESTATION
    assert "SLSA provenance v0.2" in text
    assert "https://builder.example.com" in text
    assert "no key is registered" in text


def test_an_attestation_of_an_sbom_lists_the_components(things: Repository) -> None:
    subject = push_image(things)
    layer = Signer().envelope(
        subject.digest,
        predicateType="https://spdx.dev/Document",
        predicate=json.loads(spdx("openssl")),
    )
    attestation = attach_by_subject(things, subject.digest, layer, artifactType=layer.media_type)

    assert '<th scope="row" class="b-break">openssl</th>' in page(url_of(attestation))


def test_an_attestation_that_cannot_be_read_says_why(things: Repository) -> None:
    push_artifact(things, (b"nothing", "application/vnd.in-toto+json", {}), reference="v1")

    text = page(tag_url(things, "v1"))

    assert "The attestation is text of no form that is known here." in text


def test_files_that_oras_pushed_have_their_names(things: Repository) -> None:
    manifest = push_artifact(
        things,
        (b"hello", "text/plain", {TITLE: "docs/hello.txt"}),
        reference="v1",
        artifactType="application/vnd.acme.report",
    )

    text = page(tag_url(things, "v1"))
    url = next(part for part in text.split('"') if "/blobs/" in part and "2cf24d" in part)
    saved = Client().get(url)

    assert "docs/hello.txt" in text
    assert "application/vnd.acme.report" in text
    assert 'data-copy="oras pull --plain-http testserver/acme/things:v1"' in text
    assert f"testserver/acme/things@{manifest.digest}" in text
    assert b"".join(saved) == b"hello"
    assert saved.headers["Content-Disposition"] == 'attachment; filename="hello.txt"'


@pytest.mark.parametrize(
    ("config", "layer", "command"),
    [
        (
            "application/vnd.sylabs.sif.config.v1+json",
            "application/vnd.sylabs.sif.layer.v1.sif",
            "apptainer pull --no-https oras://testserver/acme/things:v1",
        ),
        (
            "application/vnd.wasm.config.v0+json",
            "application/wasm",
            "wkg oci pull --insecure testserver testserver/acme/things:v1 -o things.wasm",
        ),
        (
            "application/vnd.unknown.config.v1+json",
            "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego",
            "conftest pull --tls=false oci://testserver/acme/things:v1",
        ),
        (
            "application/vnd.acme.config",
            "application/octet-stream",
            "oras copy --from-plain-http testserver/acme/things:v1 --to-oci-layout things:v1",
        ),
    ],
)
def test_each_kind_has_its_own_command(
    things: Repository, config: str, layer: str, command: str
) -> None:
    push_artifact(things, (b"x", layer, {}), reference="v1", config=(b'{"a": 1}', config))

    assert f'data-copy="{command}"' in page(tag_url(things, "v1"))


def test_a_config_that_is_json_is_shown(things: Repository) -> None:
    config = (b'{"architecture": "wasm"}', "application/vnd.wasm.config.v0+json")
    push_artifact(things, (b"x", "application/wasm", {}), reference="v1", config=config)

    assert 'id="artifact-config-lines-2"' in page(tag_url(things, "v1"))


def test_a_manifest_of_too_many_parts_is_not_taken_apart(
    things: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.contents.manifest.MAX_SHOWN_VALUES", 3)
    manifest = push_artifact(things, (b"{}", "application/vnd.in-toto+json", {}))

    assert "is made of too many parts" in page(url_of(manifest))
