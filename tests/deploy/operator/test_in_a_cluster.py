"""The operator in a real cluster, by the commands that its documentation names.

A pretended node stands in for machines: no container runs.
"""

import base64
import json
import random
import subprocess
import time
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.operator.control_plane import OPERATOR, ControlPlane, Node, until
from tests.deploy.operator.control_plane.installed import (
    NEEDS_CLUSTER,
    condition,
    create,
    endpoint,
    made,
    manifest_of,
    objects,
    operator,
    version,
)

pytestmark = NEEDS_CLUSTER

NEXT_IMAGE = "registry.example.com/berth:1.1.0"
_numbers = iter(range(1000))


@pytest.fixture(scope="module")
def running(plane: ControlPlane, node: Node) -> Iterator["subprocess.Popen[bytes]"]:
    with operator(plane) as process:
        yield process


@pytest.fixture(scope="module")
def nobody(running: "subprocess.Popen[bytes]") -> None:
    """No operator runs any more: for the last tests, which start their own."""
    running.kill()
    running.wait(30)


@pytest.fixture(scope="module")
def shared(plane: ControlPlane, running: object) -> Iterator[str]:
    """The namespace of a registry that is there, and stays as it is."""
    plane.kubectl("create", "namespace", "shared")
    made(plane, "shared")
    yield "shared"
    plane.kubectl("delete", "quayregistry", "-n", "shared", "quay", "--wait=false")


@pytest.fixture
def namespace(plane: ControlPlane) -> Iterator[str]:
    name = f"test-{next(_numbers)}"
    plane.kubectl("create", "namespace", name)
    yield name
    plane.kubectl("delete", "quayregistries,berths", "--all", "-n", name, "--wait=false")


# --- The documented commands --------------------------------------------------------------------


def test_an_empty_spec_has_an_address(plane: ControlPlane, shared: str) -> None:
    assert endpoint(plane, shared) == f"https://quay-{shared}.apps.example.com"


def test_kubectl_waits_for_a_registry(plane: ControlPlane, shared: str) -> None:
    said = plane.kubectl(
        *("wait", "quayregistry/quay", "-n", shared),
        *("--for=condition=Available", "--timeout=50s"),
    )

    assert "condition met" in said


def test_kubectl_lists_address_and_version(plane: ControlPlane, shared: str) -> None:
    listed = plane.kubectl("get", "quayregistry", "-n", shared).splitlines()

    assert listed[0].split() == ["NAME", "ENDPOINT", "VERSION", "AVAILABLE", "AGE"]
    assert listed[1].split()[:4] == [
        *("quay", f"https://quay-{shared}.apps.example.com", "1.0.0", "True"),
    ]


def test_the_first_password_is_where_it_should_be(plane: ControlPlane, shared: str) -> None:
    template = "jsonpath={ .data.ADMIN_PASSWORD }"

    password = plane.kubectl("get", "secret", "-n", shared, "quay-keys", "-o", template)

    assert len(base64.b64decode(password)) == 48


@pytest.mark.usefixtures("running")
def test_a_berth_is_the_same(plane: ControlPlane, namespace: str) -> None:
    kind = {"apiVersion": "berth.dev/v1alpha1", "kind": "Berth"}
    create(plane, manifest_of(namespace, {}) | kind)

    until(lambda: version(plane, namespace, "berth"))

    assert condition(plane, namespace, "Available", "berth") == "True HealthChecksPassing"


@pytest.mark.usefixtures("running")
def test_a_bundle_brings_a_name_and_stores(plane: ControlPlane, namespace: str) -> None:
    config = {
        "SERVER_HOSTNAME": "registry.example.com",
        "DB_URI": "postgresql://berth:secret@db.example.com/berth",
        "BROKER_URL": "redis://redis.example.com/0",
        "DISTRIBUTED_STORAGE_CONFIG": {"default": ["S3Storage", {"s3_bucket": "blobs"}]},
    }
    file = plane.folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    secret = ("create", "secret", "generic", "-n", namespace, "bundle")
    plane.kubectl(*secret, f"--from-file={file}")
    create(plane, manifest_of(namespace, {"configBundleSecret": "bundle"}))

    until(lambda: version(plane, namespace))

    assert endpoint(plane, namespace) == "https://registry.example.com"
    assert [name for name in objects(plane, namespace) if name.startswith("statefulset")] == []


# --- What goes wrong ----------------------------------------------------------------------------


def test_kubernetes_refuses_a_spec_of_other_types(plane: ControlPlane) -> None:
    manifest = manifest_of("default", {"components": "all"})

    done = plane.run_kubectl("create", "-f", "-", stdin=json.dumps(manifest))

    assert "spec.components: Invalid value" in done.stderr


@pytest.mark.usefixtures("running")
def test_a_spec_that_cannot_be_followed_changes_nothing(
    plane: ControlPlane, namespace: str
) -> None:
    made(plane, namespace)
    before = objects(plane, namespace)
    spec = {"spec": {"components": [{"kind": "mysql", "managed": True}]}}

    plane.kubectl(
        *("patch", "quayregistry", "-n", namespace, "quay", "--type=merge"),
        *("-p", json.dumps(spec)),
    )
    until(lambda: condition(plane, namespace, "RolloutBlocked") == "True SpecInvalid")

    assert objects(plane, namespace) == before
    assert condition(plane, namespace, "Available") == "True HealthChecksPassing"


@pytest.mark.usefixtures("running")
def test_what_the_cluster_refuses_is_told_before_anything_is_made(
    plane: ControlPlane, namespace: str
) -> None:
    wrong = {"limits": {"memory": "much"}}
    component = {"kind": "quay", "managed": True, "overrides": {"resources": wrong}}
    create(plane, manifest_of(namespace, {"components": [component]}))

    until(lambda: condition(plane, namespace, "RolloutBlocked") == "True ComponentCreationFailed")

    assert objects(plane, namespace) == ["secret/quay-keys"]


def test_changes_by_hand_are_taken_back(plane: ControlPlane, shared: str) -> None:
    what = "{.metadata.name} {.spec.replicas} {.spec.template.spec.containers[0].image}"
    template = "jsonpath={range .items[*]}" + what + "{end}"
    asked = ("get", "deploy,svc", "-n", shared, "-o", template)
    before = plane.kubectl(*asked)

    plane.kubectl("scale", "-n", shared, "deployment/quay-worker", "--replicas=5")
    plane.kubectl("set", "image", "-n", shared, "deployment/quay-web", "berth=somebody/else:1")
    plane.kubectl("delete", "-n", shared, "service/quay")

    until(lambda: plane.kubectl(*asked) == before)


# --- Its end, and that of what it made ----------------------------------------------------------


@pytest.mark.usefixtures("running")
def test_objects_go_with_the_resource_and_content_stays(
    plane: ControlPlane, namespace: str
) -> None:
    made(plane, namespace)

    plane.kubectl("delete", "quayregistry", "-n", namespace, "quay")

    kept = [
        *(f"persistentvolumeclaim/quay-{store}" for store in ("postgres", "redis", "s3")),
        "secret/quay-keys",
    ]
    until(lambda: objects(plane, namespace) == kept)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("create", "deployments"), "yes"),
        (("watch", "namespaces"), "yes"),
        (("delete", "persistentvolumeclaims"), "no"),
        (("create", "clusterroles.rbac.authorization.k8s.io"), "no"),
        (("create", "pods/exec"), "no"),
        (("delete", "namespaces"), "no"),
    ],
)
def test_it_may_do_no_more_than_it_needs(
    plane: ControlPlane, words: tuple[str, ...], answer: str
) -> None:
    done = plane.run_kubectl("auth", "can-i", *words, "-n", "default", user=OPERATOR)

    assert done.stdout.strip() == answer


@pytest.mark.usefixtures("nobody")
def test_a_new_operator_upgrades_what_is_there(plane: ControlPlane, shared: str) -> None:
    images = "jsonpath={.items[*].spec.template.spec.containers[0].image}"
    jobs = set(plane.kubectl("get", "job", "-n", shared, "-o", "name").split())

    with operator(plane, NEXT_IMAGE):
        until(lambda: version(plane, shared) == "1.1.0")

    after = set(plane.kubectl("get", "job", "-n", shared, "-o", "name").split())
    assert plane.kubectl("get", "deploy", "-n", shared, "-o", images).split() == [NEXT_IMAGE] * 3
    assert jobs.isdisjoint(after)


@pytest.mark.usefixtures("nobody")
def test_killed_again_and_again_it_comes_to_the_same(plane: ControlPlane, namespace: str) -> None:
    chance = random.Random(20260102)
    create(plane, manifest_of(namespace, {}))

    for _ in range(4):
        with operator(plane) as process, pytest.raises(subprocess.TimeoutExpired):
            process.wait(2 + chance.random() * 4)
    with operator(plane):
        until(lambda: version(plane, namespace))

    found = objects(plane, namespace)
    assert [name for name in found if name.startswith(("deployment", "statefulset"))] == [
        *(f"deployment.apps/quay-{role}" for role in ("beat", "web", "worker")),
        *(f"statefulset.apps/quay-{store}" for store in ("postgres", "redis", "s3")),
    ]
    assert len([name for name in found if name.startswith("job")]) == 1
    assert len([name for name in found if name.startswith("secret/quay-config")]) == 1


@pytest.mark.usefixtures("nobody")
def test_only_namespaces_that_are_named_are_watched(plane: ControlPlane, namespace: str) -> None:
    plane.kubectl("create", "namespace", "other")
    for place in ("other", namespace):
        create(plane, manifest_of(place, {}))

    with operator(plane, namespaces=namespace):
        until(lambda: version(plane, namespace))

    assert version(plane, "other") == ""


@pytest.mark.usefixtures("nobody")
def test_an_api_server_that_falls_silent_again_and_again_ends_nothing(
    plane: ControlPlane, namespace: str
) -> None:
    """Longer than any question is waited for: at the start, and in the middle."""
    create(plane, manifest_of(namespace, {}))

    with operator(plane) as process:
        for seconds in (1, 3):
            with plane.silent():
                time.sleep(11)
            time.sleep(seconds)
        until(lambda: version(plane, namespace))
        ended = process.poll()

    assert ended is None
