"""What policies decide, and how they say so."""

from dataclasses import replace
from importlib import import_module

import pytest

from artifacts.kinds.kinds import IMAGE_LAYERS
from artifacts.oci.documents import ManifestDocument
from artifacts.policy.presets import PRESETS, Preset
from artifacts.policy.rules import Policy
from tests.artifacts.manifests import (
    BUNDLE,
    CHART,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DSSE,
    EMPTY,
    FOREIGN_LAYER,
    HELM_CONFIG,
    IN_TOTO,
    OCI_CONFIG,
    OCI_LAYER,
    OPA_CONFIG,
    OPA_DATA,
    OPA_POLICY,
    PROVENANCE,
    SIF_CONFIG,
    SIF_LAYER,
    SIF_TAR,
    SIMPLE_SIGNING,
    TAR_GZIP,
    WASM,
    WASM_CONFIG,
    artifact,
    docker_manifest,
    first_docker_manifest,
    index,
    manifest,
)

SBOMS = ["text/spdx", "text/spdx+xml", "text/spdx+json", "application/vnd.syft+json"]
SBOMS += [f"application/vnd.cyclonedx{suffix}" for suffix in ("", "+xml", "+json")]
THING = "application/vnd.example.thing.v1"

IMAGES = {
    "an OCI image": manifest(OCI_CONFIG, OCI_LAYER, f"{OCI_LAYER}+gzip", f"{OCI_LAYER}+zstd"),
    "an encrypted image": manifest(OCI_CONFIG, f"{OCI_LAYER}+gzip+encrypted"),
    "a Docker image": docker_manifest(DOCKER_CONFIG, DOCKER_LAYER, FOREIGN_LAYER),
    "an image in Docker's first form": first_docker_manifest(),
    "an OCI image with Docker's layers": manifest(OCI_CONFIG, DOCKER_LAYER),
    "a Windows image": manifest(
        OCI_CONFIG, OCI_LAYER.replace("layer.v1", "layer.nondistributable.v1") + "+gzip"
    ),
    "an image without layers": manifest(OCI_CONFIG),
}
CHARTS = {
    "a chart": manifest(HELM_CONFIG, CHART),
    "a chart with its provenance": manifest(HELM_CONFIG, CHART, PROVENANCE),
    "a chart of an old helm": manifest(HELM_CONFIG, TAR_GZIP),
}
COSIGN = {
    "a signature": manifest(OCI_CONFIG, SIMPLE_SIGNING),
    "an attestation": manifest(OCI_CONFIG, DSSE),
    "an in-toto attestation": manifest(OCI_CONFIG, IN_TOTO),
    **{f"an SBOM of type {kind}": manifest(OCI_CONFIG, kind) for kind in SBOMS},
}
REFERRERS = {
    "a bundle": artifact(BUNDLE, BUNDLE),
    "a signature that refers": manifest(
        "application/vnd.dev.cosign.artifact.sig.v1+json", SIMPLE_SIGNING
    ),
    "a notation signature": manifest("application/vnd.cncf.notary.signature", "application/cose"),
    "an SBOM that refers": artifact("text/spdx+json", "text/spdx+json"),
}
BUNDLES = {
    "an OPA bundle": manifest(OPA_CONFIG, OPA_POLICY, OPA_DATA),
    "a source image": manifest(
        "application/vnd.oci.source.image.config.v1+json", f"{OCI_LAYER}+gzip"
    ),
}
OTHERS = {
    "a SIF image": manifest(SIF_CONFIG, SIF_LAYER),
    "a WASM module": manifest(WASM_CONFIG, WASM),
    "an artifact of no known type": artifact(THING, THING),
    "an artifact without content": artifact(THING, EMPTY),
    "an artifact that says no type": manifest(EMPTY, THING),
}
EVERYTHING = {**IMAGES, **CHARTS, **COSIGN, **REFERRERS, **BUNDLES, **OTHERS}

ALLOWED = {
    Preset.ANYTHING: EVERYTHING,
    Preset.BUILTIN: {**IMAGES, **CHARTS, **COSIGN, **BUNDLES},
    Preset.IMAGES: IMAGES,
    Preset.HELM: CHARTS,
    Preset.SIGNATURES: {**COSIGN, **REFERRERS, "": manifest(OCI_CONFIG)},
}


def preset(name: Preset) -> Policy:
    content = PRESETS[name]
    return Policy(name, "tested", content.pairs, content.allows_images, content.allows_anything)


def allows(policy: Policy, document: ManifestDocument) -> bool:
    return policy.decide(document).is_allowed


@pytest.mark.parametrize("thing", EVERYTHING)
@pytest.mark.parametrize("name", Preset)
def test_a_shipped_policy_allows_what_it_is_for_and_nothing_else(name: Preset, thing: str) -> None:
    document = EVERYTHING[thing]

    assert allows(preset(name), document) == (document in ALLOWED[name].values())


def test_the_shipped_policies_all_have_content_and_a_row() -> None:
    rows = import_module("artifacts.policy.migrations.0002_presets").PRESETS

    assert set(PRESETS) == set(Preset) == set(rows)


@pytest.mark.parametrize("layer", sorted(IMAGE_LAYERS))
def test_images_have_every_type_of_image_layer_and_no_other(layer: str) -> None:
    policy = preset(Preset.IMAGES)

    assert allows(policy, manifest(OCI_CONFIG, layer))
    assert allows(policy, docker_manifest(DOCKER_CONFIG, layer))
    assert not allows(policy, manifest(OCI_CONFIG, layer, "application/zip"))


def test_types_are_judged_in_pairs() -> None:
    policy = Policy("mine", "here", {"a/config": ["a/layer"], "b/config": ["b/layer"]})

    assert allows(policy, manifest("a/config", "a/layer"))
    assert allows(policy, manifest("b/config", "b/layer"))
    assert not allows(policy, manifest("a/config", "b/layer"))
    assert not allows(policy, manifest("b/config", "b/layer", "a/layer"))


def test_an_image_with_a_listed_layer_is_allowed_beside_images() -> None:
    policy = Policy("mine", "here", {OCI_CONFIG: [SIMPLE_SIGNING]}, allows_images=True)

    assert allows(policy, manifest(OCI_CONFIG, SIMPLE_SIGNING))
    assert allows(policy, manifest(OCI_CONFIG, OCI_LAYER))
    assert not allows(policy, docker_manifest(DOCKER_CONFIG, SIMPLE_SIGNING))


def test_a_listed_config_does_not_bring_image_layers_with_it() -> None:
    policy = Policy("mine", "here", {OCI_CONFIG: [SIMPLE_SIGNING]})

    assert not allows(policy, manifest(OCI_CONFIG, OCI_LAYER))


@pytest.mark.parametrize("listed", [SIF_LAYER, SIF_TAR])
@pytest.mark.parametrize("pushed", [SIF_LAYER, SIF_TAR])
def test_both_spellings_of_a_sif_layer_are_one(listed: str, pushed: str) -> None:
    policy = Policy("mine", "here", {SIF_CONFIG: [listed]})

    assert allows(policy, manifest(SIF_CONFIG, pushed))
    assert not allows(policy, manifest(HELM_CONFIG, pushed))


def test_a_chart_may_be_spelled_as_the_documentation_does() -> None:
    policy = Policy("mine", "here", {HELM_CONFIG: [TAR_GZIP]})

    assert allows(policy, manifest(HELM_CONFIG, CHART))
    assert not allows(policy, manifest(HELM_CONFIG, CHART, PROVENANCE))


def test_a_config_that_is_listed_without_layers_has_none() -> None:
    policy = Policy("mine", "here", {SIF_CONFIG: []})

    assert allows(policy, manifest(SIF_CONFIG))
    assert not allows(policy, manifest(SIF_CONFIG, SIF_LAYER))


def test_an_artifact_with_an_empty_config_is_judged_by_its_artifact_type() -> None:
    policy = Policy("mine", "here", {THING: ["a/layer"]})

    assert allows(policy, artifact(THING, "a/layer"))
    assert not allows(policy, artifact("another/thing", "a/layer"))
    assert allows(policy, manifest(THING, "a/layer", artifactType="another/thing"))


def test_the_empty_layer_of_an_artifact_without_content_goes_with_every_allowed_type() -> None:
    policy = Policy("mine", "here", {THING: []})

    assert allows(policy, artifact(THING, EMPTY))
    assert not allows(policy, artifact("another/thing", EMPTY))


@pytest.mark.parametrize("size", [0, 1, 3, 10_000_000])
def test_a_layer_that_is_only_called_empty_is_content(size: int) -> None:
    policy = Policy("mine", "here", {THING: ["a/layer"]})
    document = artifact(THING, EMPTY)
    layers = (replace(document.layers[0], size=size),)

    assert not allows(policy, replace(document, layers=layers))


@pytest.mark.parametrize("name", Preset)
def test_neither_the_children_of_an_index_nor_a_subject_are_judged_with_it(name: Preset) -> None:
    subject = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": THING,
        "digest": f"sha256:{'0' * 64}",
        "size": 9,
    }

    assert allows(preset(name), index("application/vnd.oci.image.manifest.v1+json"))
    assert allows(preset(name), index(artifactType=THING, subject=subject))
    assert allows(preset(Preset.IMAGES), manifest(OCI_CONFIG, OCI_LAYER, subject=subject))


def test_a_refusal_names_the_blocked_type_the_policy_where_it_is_set_and_what_is_allowed() -> None:
    policy = Policy(
        "careful", "selected by the organization acme", {"a/config": ["a/b", "a/c"]}, True
    )

    config = policy.decide(manifest(WASM_CONFIG, WASM))
    layer = policy.decide(manifest("a/config", "a/b", "x/y"))
    image = policy.decide(manifest(OCI_CONFIG, "x/y"))

    assert config.reason == (
        "artifact type application/vnd.wasm.config.v0+json is blocked by the artifact policy"
        " 'careful', selected by the organization acme; the policy allows container images,"
        " a/config"
    )
    assert layer.reason == (
        "layer type x/y with the type a/config is blocked by the artifact policy 'careful',"
        " selected by the organization acme; with it the policy allows a/b, a/c"
    )
    assert image.reason.endswith("with it the policy allows the layers of container images")


def test_a_refusal_stays_short_however_much_is_allowed() -> None:
    policy = Policy("long", "here", {f"a/{n}": [] for n in range(40)})

    reason = policy.decide(manifest(WASM_CONFIG)).reason

    assert reason.endswith("a/14, a/15 and 24 more")


def test_a_policy_that_allows_nothing_says_so() -> None:
    assert preset(Preset.ANYTHING).types() == "anything"
    assert Policy("none", "here").decide(manifest(OCI_CONFIG)).reason.endswith("allows nothing")


@pytest.mark.parametrize(("count", "end"), [(16, "a/14, a/15"), (17, "a/15 and 1 more")])
def test_a_list_says_how_many_types_it_leaves_out(count: int, end: str) -> None:
    policy = Policy("p", "chosen", {f"a/{number}": () for number in range(count)})

    assert policy.types().endswith(end)
