"""What a resource may say, and the sentence for what it may not."""

import pytest

from deploy.operator.bundle import Bundle, managed
from deploy.operator.refusals import Blocked
from deploy.operator.registry import INSTANCE
from deploy.operator.settings import Settings
from deploy.operator.specification import COMPONENTS, UNSUPPORTED, Specification


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("text", "spec is an object"),
        ({"configBundleSecret": 3}, "is the name of a Secret"),
        ({"components": {"kind": "redis"}}, "spec.components is a list"),
        ({"components": ["redis"]}, r"spec.components\[0\] is an object"),
        ({"components": [{"managed": True}]}, "kind is None"),
        ({"components": [{"kind": []}]}, r"kind is \[\]"),
        ({"components": [{"kind": "Redis"}]}, "kind is 'Redis'"),
        ({"components": [{"kind": "redis"}, {"kind": "redis"}]}, "redis is there twice"),
        ({"components": [{"kind": "redis", "managed": "no"}]}, "managed is true or false"),
        ({"components": [{"kind": "quay", "managed": False}]}, "always managed"),
        ({"components": [{"kind": "redis", "overrides": []}]}, "overrides is an object"),
        (
            {"components": [{"kind": "redis", "managed": False, "overrides": {"env": []}}]},
            "what is not managed has no overrides",
        ),
        ({"components": [{"kind": "tls", "overrides": {"env": []}}]}, "tls has no override env"),
        ({"components": [{"kind": "quay", "overrides": {"replicas": 2}}]}, "autoscaler's to say"),
        ({"components": [{"kind": "quay", "overrides": {"replicas": -1}}]}, "whole number"),
        ({"components": [{"kind": "quay", "overrides": {"replicas": True}}]}, "whole number"),
        ({"components": [{"kind": "redis", "overrides": {"volumeSize": "-1"}}]}, "volumeSize"),
        ({"components": [{"kind": "redis", "overrides": {"volumeSize": "1GB"}}]}, "volumeSize"),
        ({"components": [{"kind": "redis", "overrides": {"env": {}}}]}, "list of variables"),
        ({"components": [{"kind": "redis", "overrides": {"env": [{}]}}]}, "list of variables"),
        ({"components": [{"kind": "redis", "overrides": {"resources": 1}}]}, "is an object"),
        ({"components": [{"kind": "redis", "overrides": {"labels": {"a": 1}}}]}, "texts"),
        (
            {"components": [{"kind": "redis", "overrides": {"labels": {INSTANCE: "x"}}}]},
            "may not set",
        ),
        ({"components": [{"kind": "tls", "secretRef": {"name": "a"}}]}, "secretRef belongs to"),
        (
            {"components": [{"kind": "redis", "managed": False, "secretRef": {"name": "a"}}]},
            "secretRef belongs to",
        ),
    ],
)
def test_a_spec_that_cannot_be_followed_is_refused(spec: object, sentence: str) -> None:
    with pytest.raises(Blocked, match=sentence):
        Specification.read(spec)


@pytest.mark.parametrize("spec", [None, {}, {"components": None}, {"configBundleSecret": None}])
def test_nothing_said_is_everything_managed(spec: object) -> None:
    found = Specification.read(spec)

    assert all(managed(kind, found, Bundle()) for kind in COMPONENTS)


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_what_berth_has_not_is_never_managed(kind: str) -> None:
    found = Specification.read({"components": [{"kind": kind, "managed": True}]})

    assert not managed(kind, found, Bundle())


@pytest.mark.parametrize(
    ("kind", "is_managed", "values", "sentence"),
    [
        ("postgres", True, {"DB_URI": "postgresql://db/berth"}, "brings its own"),
        ("postgres", False, {}, "needs DB_URI"),
        ("objectstorage", False, {}, "needs DISTRIBUTED_STORAGE_CONFIG"),
        ("tls", False, {}, "ssl.cert"),
    ],
)
def test_spec_and_configuration_do_not_contradict_one_another(
    kind: str, is_managed: bool, values: dict[str, object], sentence: str
) -> None:
    found = Specification.read({"components": [{"kind": kind, "managed": is_managed}]})

    with pytest.raises(Blocked, match=sentence):
        managed(kind, found, Bundle(values=values))


@pytest.mark.parametrize(
    ("environ", "version"),
    [
        ({"BERTH_IMAGE": "registry.example.com:5000/berth:1.2"}, "1.2"),
        ({"BERTH_IMAGE": "registry.example.com:5000/berth"}, "unknown"),
        ({"BERTH_IMAGE": f"berth:1.2@sha256:{'0' * 64}"}, "1.2"),
        ({"BERTH_IMAGE": "berth", "BERTH_VERSION": "2.0"}, "2.0"),
    ],
)
def test_the_version_is_that_of_the_image(environ: dict[str, str], version: str) -> None:
    assert Settings.read(environ).version == version


def test_an_operator_without_an_image_says_so() -> None:
    with pytest.raises(ValueError, match="BERTH_IMAGE is not set"):
        Settings.read({})
