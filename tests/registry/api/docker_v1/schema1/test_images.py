"""Images as schema 1: their history in the old form, and which images have none."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from registry.api.docker_v1.schema1.documents import MAX_LAYERS, Schema1
from registry.api.docker_v1.schema1.images import (
    EMPTY_LAYER,
    EMPTY_LAYER_DIGEST,
    NotConvertible,
    default_image,
    to_schema1,
)

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
FIRST, SECOND = b"the first layer", b"the second"
STEPS = [
    {"created": "2024-01-01T00:00:00Z", "created_by": "ADD rootfs", "author": "me"},
    {"created": "2024-01-02T00:00:00Z", "created_by": "ENV A=B", "empty_layer": True},
    {"created": "2024-01-03T00:00:00Z", "created_by": "COPY app", "comment": "buildkit"},
]
CONFIG = {
    "architecture": "arm64",
    "os": "linux",
    "created": "2024-01-03T00:00:00Z",
    "config": {"Env": ["A=B"], "Labels": {"a": "b"}},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:1", "sha256:2"]},
    "history": STEPS,
}


def descriptor(content: bytes, media_type: str = GZIP, **said: Any) -> dict[str, Any]:
    digest = str(Digest.of(content))
    return {"mediaType": media_type, "digest": digest, "size": len(content), **said}


def convert(
    config: Any = CONFIG, layer_type: str = GZIP, config_type: str = CONFIG_TYPE
) -> Schema1:
    return Schema1.parse(converted(config, layer_type, config_type))


def converted(
    config: Any = CONFIG, layer_type: str = GZIP, config_type: str = CONFIG_TYPE
) -> bytes:
    content = config if isinstance(config, bytes) else json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "config": descriptor(content, config_type),
        "layers": [descriptor(FIRST), descriptor(SECOND, layer_type)],
    }
    document = ManifestDocument.parse(json.dumps(manifest).encode(), OCI_MANIFEST)
    return to_schema1(name="acme/web", tag="v1", document=document, config=content)


def test_the_empty_layer_is_the_one_that_everybody_knows() -> None:
    known = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"

    assert str(EMPTY_LAYER_DIGEST) == known
    assert len(EMPTY_LAYER) == 32


def test_each_step_of_the_history_is_an_image_newest_first() -> None:
    manifest = convert()

    assert (manifest.name, manifest.tag, manifest.is_signed) == ("acme/web", "v1", False)
    assert manifest.layers == (Digest.of(SECOND), EMPTY_LAYER_DIGEST, Digest.of(FIRST))
    leaf, middle, base = manifest.history
    assert leaf["parent"] == middle["id"]
    assert middle["parent"] == base["id"]
    assert "parent" not in base
    assert len({leaf["id"], middle["id"], base["id"]}) == 3


def test_the_newest_image_has_the_whole_config_and_the_others_what_they_did() -> None:
    leaf, middle, base = convert().history

    assert {k: v for k, v in leaf.items() if k not in ("id", "parent")} == {
        key: value for key, value in CONFIG.items() if key not in ("rootfs", "history")
    }
    assert {k: v for k, v in middle.items() if k not in ("id", "parent")} == {
        "created": "2024-01-02T00:00:00Z",
        "container_config": {"Cmd": ["ENV A=B"]},
        "throwaway": True,
        "Size": 0,
    }
    assert {k: v for k, v in base.items() if k != "id"} == {
        "created": "2024-01-01T00:00:00Z",
        "author": "me",
        "container_config": {"Cmd": ["ADD rootfs"]},
        "Size": len(FIRST),
    }


def test_the_manifest_names_the_architecture() -> None:
    assert json.loads(converted())["architecture"] == "arm64"


def test_the_same_image_becomes_the_same_bytes_and_another_config_other_ids() -> None:
    other = {**CONFIG, "config": {"Env": ["A=C"]}}

    assert converted() == converted()
    assert convert(other).history[0]["id"] != convert().history[0]["id"]
    assert convert(other).history[1:] == convert().history[1:]


@pytest.mark.parametrize("history", [[], None])
def test_an_image_that_tells_no_history_has_one_step_for_each_layer(history: Any) -> None:
    manifest = convert({**CONFIG, "history": history})

    assert manifest.layers == (Digest.of(SECOND), Digest.of(FIRST))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"config": b"{"}, "its config cannot be read: not JSON"),
        ({"config": b"[]"}, "its config cannot be read"),
        ({"config": b'{"a":1,"a":2}'}, "appears twice"),
        ({"config": {"history": {"a": 1}}}, "a history that is no list of objects"),
        ({"config": {"history": ["x"]}}, "a history that is no list of objects"),
        ({"config": {"history": STEPS[:1]}}, "the history of other layers"),
        ({"config": {"history": [*STEPS, *STEPS]}}, "the history of other layers"),
        (
            {"config": {"history": [*STEPS, *([STEPS[1]] * MAX_LAYERS)]}},
            f"it has {MAX_LAYERS + 3} layers",
        ),
        ({"config": b'{"a": 1e999}'}, "a number that cannot be written"),
        ({"config_type": "application/vnd.cncf.helm.config.v1+json"}, "it is no container image"),
        ({"layer_type": "application/vnd.oci.image.layer.v1.tar+zstd"}, "cannot unpack"),
        ({"layer_type": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}, "cannot"),
        ({"layer_type": "application/vnd.dev.cosign.simplesigning.v1+json"}, "cannot unpack"),
    ],
)
def test_what_has_no_old_form_says_why(changed: Any, says: str) -> None:
    with pytest.raises(NotConvertible, match=says):
        convert(**changed)


def index(*platforms: Any) -> ManifestDocument:
    manifests = [
        descriptor(str(i).encode(), OCI_MANIFEST, platform=platform)
        for i, platform in enumerate(platforms)
    ]
    body = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    return ManifestDocument.parse(body, OCI_INDEX)


def test_of_an_index_old_clients_get_the_image_for_amd64_and_linux() -> None:
    platforms = [
        None,
        {"os": "windows", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "amd64", "variant": "v3"},
    ]

    assert default_image(index(*platforms)) == Digest.of(b"3")
    with pytest.raises(NotConvertible, match="no image for linux/amd64"):
        default_image(index(*platforms[:3]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from([*CONFIG, "id", "parent", "throwaway"]), _JSON))
def test_whatever_a_config_says_becomes_a_legal_manifest_or_none(changed: dict[str, Any]) -> None:
    try:
        body = converted(json.dumps({**CONFIG, **changed}).encode())
    except NotConvertible:
        return
    assert Schema1.parse(body).layers[-1] == Digest.of(FIRST)
