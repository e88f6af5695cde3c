"""The pages of images and of indexes."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from artifacts.kinds.kinds import DOCKER_CONFIG, Kind
from registry.blobs.models import Blob
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.storage.select import blob_store
from tests.artifacts.signatures.signing import statement
from tests.registry.api.docker_v1.schema1.made import schema1
from tests.registry.builders import CONFIG_TYPE, descriptor, hold, index, make_repository, push
from tests.ui.contents.pushed import page, push_artifact, push_image, tag_url, url_of

pytestmark = pytest.mark.django_db

CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "config": {
        "Entrypoint": ["/tini", "--"],
        "Env": ["PATH=/bin"],
        "Labels": {"org.opencontainers.image.source": "https://example.com/src"},
    },
    "history": [
        {"created_by": '/bin/sh -c #(nop)  CMD ["sh"]', "empty_layer": True},
        {"created_by": "RUN /bin/sh -c apk add curl # buildkit"},
    ],
}


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def test_an_image_shows_what_it_runs_and_how_it_was_built(web: Repository) -> None:
    push_image(web, b"x" * 2048, config=CONFIG)

    text = page(tag_url(web, "v1"))

    for said in (
        "linux/amd64",
        '<code>["/tini", "--"]</code>',
        "<code>PATH</code>",
        'CMD ["sh"]',
        "<code>RUN apk add curl</code>",
        "2.0 KiB",
        '<a href="https://example.com/src" rel="nofollow noopener ugc">',
    ):
        assert said in text


def test_commands_for_an_image(web: Repository) -> None:
    manifest = push_image(web, config=CONFIG)

    text = page(tag_url(web, "v1"))

    for command in (
        "podman pull --tls-verify=false testserver/acme/web:v1",
        "docker pull testserver/acme/web:v1",
        "skopeo copy --src-tls-verify=false docker://testserver/acme/web:v1 oci:web:v1",
        "crane pull --insecure --format=oci testserver/acme/web:v1 web",
        f"podman pull --tls-verify=false testserver/acme/web@{manifest.digest}",
    ):
        assert f'data-copy="{command}"' in text


def test_an_index_lists_its_platforms(web: Repository) -> None:
    child = push_image(web, b"x" * 100, config=CONFIG)
    here = {**descriptor(bytes(child.body)), "mediaType": child.media_type}
    here["platform"] = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    note = {"vnd.docker.reference.type": "attestation-manifest"}
    note["vnd.docker.reference.digest"] = child.digest
    gone = {**descriptor(b"gone"), "mediaType": child.media_type, "annotations": note}
    push(web, index(manifests=[here, gone]), "all")

    text = page(tag_url(web, "all"))

    assert "linux/arm64/v8" in text
    assert f'href="{url_of(child)}"' in text
    assert "not in this repository" in text
    assert '<span class="b-quiet">about linux/arm64/v8</span>' in text
    assert "skopeo copy --src-tls-verify=false --all docker://" in text


def test_a_child_names_the_index_that_lists_it(web: Repository) -> None:
    child = push_image(web, config=CONFIG)
    parent = push(web, index(bytes(child.body)), "all")

    text = page(url_of(child))

    assert "Listed in" in text
    assert f'href="{url_of(parent)}"' in text


@pytest.fixture
def platforms(web: Repository) -> dict[str, Manifest]:
    """An index of two platforms, and both."""
    found: dict[str, Manifest] = {}
    entries = []
    for architecture in ("amd64", "arm64"):
        child = push_image(web, reference=architecture, config={"architecture": architecture})
        platform = {"os": "linux", "architecture": architecture}
        entries.append({**_entry(child), "platform": platform})
        found[architecture] = child
    return {**found, "all": push(web, index(manifests=entries), "all")}


@pytest.mark.parametrize("shown", ["all", "amd64", "arm64"])
def test_each_platform_of_an_index_is_a_click_from_the_others(
    platforms: dict[str, Manifest], shown: str
) -> None:
    text = page(url_of(platforms[shown]))
    choice = text[text.index('aria-label="Platform"') :].partition("</nav>")[0]

    found = re.findall('href="([^"]+)"( aria-current="true")?', choice)
    assert found == [
        (url_of(platforms[name]), ' aria-current="true"' if name == shown else "")
        for name in ("all", "amd64", "arm64")
    ]


def test_an_image_of_no_index_has_no_platforms_to_choose(web: Repository) -> None:
    assert 'aria-label="Platform"' not in page(url_of(push_image(web, config=CONFIG)))


def test_an_image_of_a_long_index_takes_as_many_queries_as_one_of_a_short_one(
    web: Repository,
) -> None:
    children = [push_image(web, config={"n": n}, reference=f"c{n}") for n in range(9)]
    entries = [{**_entry(child), "platform": {"os": "linux"}} for child in children]
    push(web, index(manifests=entries[:1]), "short")
    push(web, index(manifests=entries[1:]), "long")

    assert _queries(url_of(children[8])) == _queries(url_of(children[0]))


def test_an_index_of_many_images_takes_as_many_queries_as_one_of_few(
    web: Repository,
) -> None:
    children = [push_image(web, config={"n": n}, reference=f"c{n}") for n in range(12)]
    push(web, index(bytes(children[0].body)), "few")
    push(web, index(*(bytes(child.body) for child in children)), "many")

    assert _queries(tag_url(web, "many")) == _queries(tag_url(web, "few"))


def test_the_first_manifests_of_docker_are_shown_too(web: Repository) -> None:
    digest = hold(web, b"layer")[0].digest
    push(web, json.dumps(schema1(digest)).encode(), "v1")

    text = page(tag_url(web, "v1"))

    assert "size unknown" in text
    assert "Layer 1" in text


def test_a_config_that_cannot_be_read_says_why(web: Repository) -> None:
    push_artifact(
        web, reference="v1", config=(b"no json", "application/vnd.oci.image.config.v1+json")
    )

    assert "The config could not be read, because not JSON" in page(tag_url(web, "v1"))


def test_a_config_whose_bytes_are_lost_says_so(web: Repository) -> None:
    push_image(web, config=CONFIG)
    for blob in Blob.objects.all():
        blob_store().delete(blob.storage_key)

    assert "The config could not be read, because its bytes are not here." in page(
        tag_url(web, "v1")
    )


def _queries(url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        page(url)
    return len(captured)


PROVENANCE, SPDX = "https://slsa.dev/provenance/v0.2", "https://spdx.dev/Document"


def _attested(web: Repository) -> tuple[Manifest, Manifest, Manifest]:
    """An index as BuildKit writes it: an image, an attestation about it, and the index."""
    image = push_image(web, b"layer", reference="v1")
    predicates = [SPDX, SPDX, PROVENANCE]
    attestation = push_artifact(
        web,
        *(
            (
                statement(image.digest, predicateType=kind, predicate={"n": n}),
                "application/vnd.in-toto+json",
                {"in-toto.io/predicate-type": kind},
            )
            for n, kind in enumerate(predicates)
        ),
        config=(b'{"architecture": "unknown", "os": "unknown"}', CONFIG_TYPE),
    )
    entries = [
        {**_entry(image), "platform": {"os": "linux", "architecture": "amd64"}},
        {
            **_entry(attestation),
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": image.digest,
            },
        },
    ]
    return image, attestation, push(web, index(manifests=entries), "all")


def _entry(manifest: Manifest) -> dict[str, Any]:
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
    }


def test_an_index_names_what_is_stated_of_each_platform(web: Repository) -> None:
    _, attestation, _ = _attested(web)

    text = page(tag_url(web, "all"))

    assert "SLSA provenance v0.2, SPDX (2)" in text
    assert '<span class="b-quiet">about linux/amd64</span>' in text
    assert f'href="{url_of(attestation)}"' in text
    assert '1 attestation about its images: <a href="#platforms">' in text
    assert "Nothing is attached" not in text


def test_what_speaks_of_an_image_is_not_counted_as_a_platform(web: Repository) -> None:
    _attested(web)

    text = " ".join(page(tag_url(web, "all")).split())

    assert '<h2 id="platforms-title">Platforms</h2> <span class="b-count">1</span>' in text


def test_a_proof_that_an_index_lists_without_a_word_is_no_platform_either(web: Repository) -> None:
    image = push_image(web, b"layer", reference="v1")
    sbom = push_artifact(web, (b"{}", "application/spdx+json", {}), artifactType="text/spdx")
    push(web, index(manifests=[_entry(image), _entry(sbom)]), "all")

    text = " ".join(page(tag_url(web, "all")).split())

    assert sbom.kind == Kind.SBOM
    assert '<h2 id="platforms-title">Platforms</h2> <span class="b-count">1</span>' in text


def test_a_statement_in_a_manifest_that_is_too_long_is_not_read(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    _attested(web)
    monkeypatch.setattr("ui.contents.referrers.MAX_READ_BYTES", 10)

    text = page(tag_url(web, "all"))

    assert "SLSA provenance v0.2, SPDX (2)" not in text
    assert '1 attestation about its images: <a href="#platforms">' in text


def test_an_index_that_is_too_long_says_nothing_of_what_it_lists(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, attestation, _ = _attested(web)
    monkeypatch.setattr("registry.verification.listed.MAX_INDEX_BYTES", 10)

    assert "<dt>Attached to</dt>" not in page(url_of(attestation))
    assert "Nothing is attached" in page(url_of(image))


def test_an_image_shows_what_its_index_lists_about_it(web: Repository) -> None:
    image, attestation, _ = _attested(web)

    text = page(url_of(image))
    attached = text.partition('id="attached"')[2].partition("</section>")[0]

    assert f'href="{url_of(attestation)}"' in attached
    assert "SLSA provenance v0.2, SPDX (2)" in attached
    assert "1 attestation beside this image in the index that lists it." in attached
    assert "oras discover" not in attached
    assert "Nothing is attached" not in text
    assert "not checked yet" not in text


def test_an_attestation_in_an_index_says_what_it_is_about(web: Repository) -> None:
    image, attestation, _ = _attested(web)

    assert f'<dt>Attached to</dt><dd><a href="{url_of(image)}">' in page(url_of(attestation))


def test_blobs_that_an_index_lists_are_shown_as_blobs(web: Repository) -> None:
    layer, config = b"cached layer", b"cached config"
    hold(web, layer, config)
    entries = [
        {**descriptor(layer), "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"},
        {**descriptor(config), "mediaType": "application/vnd.buildkit.cacheconfig.v0"},
        {**descriptor(b"gone"), "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"},
    ]
    manifest = push(web, index(manifests=entries), "cache")

    text = page(tag_url(web, "cache"))
    rows = text.partition('id="platforms"')[2].partition("</section>")[0]

    assert manifest.kind == Kind.BUILD_CACHE
    assert "Build cache" in text
    assert rows.count("unknown") == 1
    assert rows.count("not in this repository") == 1
    assert "application/vnd.buildkit.cacheconfig.v0" in rows
    assert "docker buildx build --cache-from type=registry,ref=testserver/acme/web:cache ." in text
    assert "podman pull" not in text


def test_an_image_of_windows_is_not_pulled_with_podman(web: Repository) -> None:
    push_image(web, b"layer", config={"os": "windows", "architecture": "amd64"})

    text = page(tag_url(web, "v1"))

    assert "podman pull" not in text
    assert "docker pull testserver/acme/web:v1" in text
    assert "skopeo --override-os windows copy" in text


def test_an_index_without_images_is_not_pulled_as_one(web: Repository) -> None:
    child = push_artifact(web, (b"x", "text/plain", {}), artifactType="application/vnd.acme")
    push(web, index(manifests=[_entry(child)]), "all")

    assert "podman pull" not in page(tag_url(web, "all"))


def test_a_model_with_the_config_of_an_image_is_a_model(web: Repository) -> None:
    config = (b'{"model_format": "gguf", "model_type": "8B"}', DOCKER_CONFIG)
    media_type = "application/vnd.ollama.image.model"
    manifest = push_artifact(web, (b"weights", media_type, {}), reference="8b", config=config)

    text = page(tag_url(web, "8b"))

    assert manifest.kind == Kind.MODEL
    assert "podman pull" not in text
    assert 'id="artifact-config-lines-2"' in text
    assert "ollama pull --insecure testserver/acme/web:8b" in text
    assert "oras copy --from-plain-http testserver/acme/web:8b --to-oci-layout web:8b" in text
