"""Unsigned content that calls itself a proof is not handed out; proofs are, to everybody."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from artifacts.kinds.kinds import DOCKER_CONFIG, EMPTY_CONFIG, HELM_CONFIG, OCI_CONFIG
from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from artifacts.signatures.claims import DSSE, SIMPLE_SIGNING
from artifacts.signatures.notary import COSE, NOTARY
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from tests.artifacts.signatures.disguises import LAYERS
from tests.artifacts.signatures.signing import BUNDLE, Signer
from tests.registry.builders import (
    NOW,
    bearer,
    descriptor,
    hold,
    image,
    index,
    owner_of,
    push,
)
from tests.registry.verification.signed import push_image, trust

pytestmark = pytest.mark.django_db

ALICE = Signer()
ABSENT = "sha256:" + "1" * 64
CONFIG = b'{"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/pwned"]}}'
TAR = "application/vnd.oci.image.layer.v1.tar"
SBOM, SIG = "application/spdx+json", "application/vnd.dev.cosign.artifact.sig.v1+json"
GOOD = b'{"spdxVersion": "SPDX-2.3"}'


@pytest.fixture
def web(repository: Repository) -> Manifest:
    """An unsigned image, in a repository that trusts Alice and requires signatures."""
    trust(repository, ALICE)
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)
    return push_image(repository)


def answer(reference: str) -> int:
    """The status of a pull by somebody who may even push."""
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push"))
    return client.get(f"/v2/acme/web/manifests/{reference}").status_code


def put(
    repository: Repository,
    *layers: tuple[bytes, str],
    subject: str = "",
    config: tuple[bytes, str] = (b"{}", EMPTY_CONFIG),
    tag: str = "",
    **changed: Any,
) -> str:
    """Push a manifest of these layers; what it can be pulled by."""
    hold(repository, config[0], *(content for content, _ in layers))
    if subject:
        changed["subject"] = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 10}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(*config),
        "layers": [descriptor(content, kind) for content, kind in layers],
        **changed,
    }
    body = json.dumps(document).encode()
    reference = tag or str(Digest.of(body))
    push(repository, body, reference)
    return reference


def companion(web: Manifest, suffix: str) -> str:
    return f"{web.digest.replace(':', '-')}.{suffix}"


@pytest.mark.parametrize("what", LAYERS)
def test_content_that_is_no_text_of_a_proof_is_refused(
    repository: Repository, web: Manifest, what: str
) -> None:
    layer = LAYERS[what]
    by_subject = put(repository, (layer, SBOM), subject=web.digest, artifactType=SBOM)
    by_tag = put(
        repository,
        (layer, SIMPLE_SIGNING),
        config=(CONFIG, OCI_CONFIG),
        tag=companion(web, "sig"),
    )

    assert [answer(by_subject), answer(by_tag)] == [403, 403]


#: Each pushes a manifest that claims to be a proof of an image, and names it.
DISGUISES: dict[str, Callable[[Repository, str], str]] = {
    "an image": lambda repo, web: put(
        repo, (GOOD, TAR), config=(CONFIG, OCI_CONFIG), subject=web, artifactType=SBOM
    ),
    "an image called a signature": lambda repo, web: put(
        repo, (GOOD, TAR), config=(CONFIG, OCI_CONFIG), subject=web, artifactType=SIG
    ),
    "an image called a bundle": lambda repo, web: put(
        repo, (GOOD, TAR), config=(CONFIG, OCI_CONFIG), subject=web, artifactType=BUNDLE
    ),
    "an image called an attestation": lambda repo, web: put(
        repo, (GOOD, TAR), config=(CONFIG, OCI_CONFIG), subject=web, artifactType=DSSE
    ),
    "an image called a signature of notation": lambda repo, web: put(
        repo, (GOOD, TAR), config=(CONFIG, OCI_CONFIG), subject=web, artifactType=NOTARY
    ),
    "an image without layers": lambda repo, web: put(
        repo, config=(CONFIG, OCI_CONFIG), subject=web, artifactType=SBOM
    ),
    "a layer of an image beside an SBOM": lambda repo, web: put(
        repo, (GOOD, SBOM), (LAYERS["tar"], TAR), subject=web, artifactType=SBOM
    ),
    "an archive beside an SBOM": lambda repo, web: put(
        repo, (GOOD, SBOM), (LAYERS["gzip"], SBOM), subject=web, artifactType=SBOM
    ),
    "a config of Docker": lambda repo, web: put(
        repo, (GOOD, SBOM), config=(CONFIG, DOCKER_CONFIG), subject=web, artifactType=SBOM
    ),
    "a config of WebAssembly": lambda repo, web: put(
        repo,
        (GOOD, SBOM),
        config=(CONFIG, "application/vnd.wasm.config.v0+json"),
        subject=web,
        artifactType=SBOM,
    ),
    "a config of Singularity": lambda repo, web: put(
        repo,
        (GOOD, SBOM),
        config=(b"{}", "application/vnd.sylabs.sif.config.v1+json"),
        subject=web,
        artifactType=SBOM,
    ),
    "a config of a chart": lambda repo, web: put(
        repo, (GOOD, SBOM), config=(b"{}", HELM_CONFIG), subject=web, artifactType=SBOM
    ),
    "a config that is a program": lambda repo, web: put(
        repo, (GOOD, SBOM), config=(LAYERS["WebAssembly"], EMPTY_CONFIG), subject=web
    ),
    "a manifest of Docker": lambda repo, web: put(
        repo,
        (GOOD, SBOM),
        config=(CONFIG, DOCKER_CONFIG),
        mediaType=DOCKER_MANIFEST,
        tag=f"{web.replace(':', '-')}.sbom",
    ),
    "an SBOM of what is not here": lambda repo, _: put(
        repo, (GOOD, SBOM), subject=ABSENT, artifactType=SBOM
    ),
    "an SBOM under the tag of what is not here": lambda repo, _: put(
        repo, (GOOD, "text/spdx"), tag=f"{ABSENT.replace(':', '-')}.sbom"
    ),
    "an SBOM of nothing": lambda repo, _: put(repo, (GOOD, SBOM), artifactType=SBOM),
    "another artifact": lambda repo, web: put(
        repo, (GOOD, "application/vnd.example+json"), subject=web, artifactType="application/x"
    ),
    "octets": lambda repo, web: put(
        repo, (GOOD, "application/octet-stream"), subject=web, artifactType=SBOM
    ),
    "COSE that is none": lambda repo, web: put(
        repo, (b"\xd2\x84" + b"x" * 600, COSE), config=(b"{}", NOTARY), subject=web
    ),
}


@pytest.mark.parametrize("what", DISGUISES)
def test_a_manifest_in_disguise_is_refused(
    repository: Repository, web: Manifest, what: str
) -> None:
    assert answer(DISGUISES[what](repository, web.digest)) == 403


def _index_under_a_tag(
    repository: Repository, tag: str, *children: bytes, media_type: str = OCI_INDEX
) -> str:
    push(repository, index(*children, mediaType=media_type), tag)
    return tag


def test_an_index_of_images_is_no_list_of_referrers(repository: Repository, web: Manifest) -> None:
    fallback = referrers_tag(Digest.parse(web.digest))
    absent = referrers_tag(Digest.parse(ABSENT))
    other = referrers_tag(Digest.of(b"other"))

    answers = [
        answer(_index_under_a_tag(repository, fallback, bytes(web.body))),
        answer(_index_under_a_tag(repository, fallback, bytes(web.body), media_type=DOCKER_LIST)),
        answer(_index_under_a_tag(repository, absent)),
        answer(_index_under_a_tag(repository, other, bytes(web.body))),
    ]

    assert answers == [403] * 4


def test_an_index_that_wraps_a_proof_and_an_image_is_refused(
    repository: Repository, web: Manifest
) -> None:
    sbom = put(repository, (GOOD, SBOM), subject=web.digest, artifactType=SBOM)
    proof = bytes(Manifest.objects.get(digest=sbom).body)
    inner = index(proof, bytes(web.body))
    push(repository, inner, "inner")
    push(repository, index(manifests=[{**descriptor(inner), "mediaType": OCI_INDEX}]), "outer")

    assert [answer("inner"), answer("outer"), answer(sbom)] == [403, 403, 200]


def test_what_a_client_calls_itself_changes_nothing(repository: Repository, web: Manifest) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push"))

    statuses = {
        agent: client.get("/v2/acme/web/manifests/v1", headers={"User-Agent": agent}).status_code
        for agent in ("cosign/v3.1.3", "notation/1.3", "podman/5", "")
    }

    assert set(statuses.values()) == {403}


def test_a_client_that_holds_a_disguise_is_refused(repository: Repository, web: Manifest) -> None:
    digest = DISGUISES["an image"](repository, web.digest)
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    response = client.get(
        f"/v2/acme/web/manifests/{digest}", headers={"If-None-Match": f'"{digest}"'}
    )

    assert response.status_code == 403


def test_a_reader_cannot_save_an_unsigned_manifest_from_its_page(
    repository: Repository, web: Manifest
) -> None:
    Repository.objects.filter(pk=repository.pk).update(is_public=True)

    response = Client().get(f"/acme/web/-/manifests/{web.digest}/raw")

    assert response.status_code == 403
    assert f"{web.digest} has none: it is not signed." in response.content.decode()


def test_schema_1_is_no_way_around(repository: Repository) -> None:
    hold(repository, CONFIG)
    trust(repository, ALICE)
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)
    push(repository, image(CONFIG), "v1")
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    response = client.get(
        "/v2/acme/web/manifests/v1",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
    )

    assert response.status_code == 403
