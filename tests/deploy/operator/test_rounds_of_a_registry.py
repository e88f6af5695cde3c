"""The operator's rounds: where they lead, in which order, and what they leave alone."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from deploy.operator.certificates import self_signed
from deploy.operator.keys import ROTATE
from deploy.operator.kinds import (
    AUTOSCALER,
    CLAIM,
    DEPLOYMENT,
    INGRESS,
    JOB,
    QUAY_REGISTRY,
    ROUTE,
    SECRET,
    SERVICE,
    SERVICE_MONITOR,
    STATEFUL_SET,
    Kind,
    Manifest,
)
from deploy.operator.reconciliation import BUSY, STEADY
from deploy.operator.refusals import Blocked
from deploy.operator.settings import Settings
from tests.deploy.operator.pretended import (
    NAME,
    NOW,
    SETTINGS,
    Killed,
    PretendedCluster,
    condition,
    finish,
    found,
    look,
    make_registry,
    mounted,
    status,
    wanted_names,
)

NEXT = Settings(
    image="registry.example.com/infra/berth:1.3.0", version="1.3.0", domain="apps.example.com"
)
OWN_STORES = {
    "DB_URI": "postgresql://berth:secret@db.example.com/berth",
    "BROKER_URL": "redis://redis.example.com/0",
    "DISTRIBUTED_STORAGE_CONFIG": {"default": ["S3Storage", {"s3_bucket": "blobs"}]},
}


@pytest.fixture
def cluster() -> PretendedCluster:
    return PretendedCluster()


def bring(cluster: PretendedCluster, values: object, **files: str) -> None:
    """A bundle with these values in config.yaml, and a registry that names it."""
    texts = {"config.yaml": yaml.safe_dump(values), **files}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    cluster.put(SECRET, "bundle", data=data)
    make_registry(cluster, {"configBundleSecret": "bundle"})


def names(cluster: PretendedCluster, kind: Kind) -> list[str]:
    return sorted(name for plural, name in cluster.objects if plural == kind.plural + kind.group)


def configuration(cluster: PretendedCluster) -> dict[str, Any]:
    """As the pods that answer requests read it."""
    values = yaml.safe_load(mounted(cluster)["config.yaml"])
    assert isinstance(values, dict)
    return values


def keys(cluster: PretendedCluster) -> dict[str, str]:
    data = found(cluster, SECRET, f"{NAME}-keys")["data"]
    return {name: base64.b64decode(text).decode() for name, text in data.items()}


def image(cluster: PretendedCluster, role: str = "web") -> str:
    pod = found(cluster, DEPLOYMENT, f"{NAME}-{role}")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


# --- From nothing to a registry -----------------------------------------------------------------


def test_an_empty_spec_leads_to_a_registry_with_an_address(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    finish(cluster)

    assert status(cluster)["registryEndpoint"] == "https://quay-infra.apps.example.com"


def test_an_empty_spec_leads_to_all_that_a_registry_needs(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    finish(cluster)

    assert {kind.name: names(cluster, kind) for kind in (DEPLOYMENT, STATEFUL_SET, SERVICE)} == {
        "Deployment": ["quay-beat", "quay-web", "quay-worker"],
        "StatefulSet": ["quay-postgres", "quay-redis", "quay-s3"],
        "Service": ["quay", "quay-postgres", "quay-redis", "quay-s3"],
    }


def test_a_registry_that_runs_tells_its_version(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    finish(cluster)

    assert status(cluster)["currentVersion"] == "1.2.3"


def test_a_registry_that_does_not_run_yet_tells_no_version(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    look(cluster)

    assert "currentVersion" not in status(cluster)


@pytest.mark.parametrize("kind", ["Available", "ComponentsCreated", "ComponentPostgresReady"])
def test_conditions_hold_of_a_registry_that_runs(cluster: PretendedCluster, kind: str) -> None:
    make_registry(cluster)

    finish(cluster)

    assert condition(cluster, kind)["status"] == "True"


def test_nothing_is_written_once_all_is_as_it_should_be(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    cluster.writes = 0
    before = json.dumps(list(cluster.objects.values()))

    look(cluster)

    assert json.dumps(list(cluster.objects.values())) == before


def test_a_registry_that_is_not_done_is_looked_at_sooner(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    first = look(cluster)
    finish(cluster)

    assert (first, look(cluster)) == (BUSY, STEADY)


def test_a_resource_that_is_gone_is_looked_at_no_more(cluster: PretendedCluster) -> None:
    assert look(cluster) is None


def test_all_but_content_and_keys_goes_with_the_resource(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)

    staying = {
        (manifest["kind"], manifest["metadata"]["name"])
        for manifest in cluster.objects.values()
        if not manifest["metadata"].get("ownerReferences")
    }

    assert staying == {
        ("QuayRegistry", "quay"),
        ("Secret", "quay-keys"),
        ("PersistentVolumeClaim", "quay-postgres"),
        ("PersistentVolumeClaim", "quay-redis"),
        ("PersistentVolumeClaim", "quay-s3"),
    }


# --- Order --------------------------------------------------------------------------------------


def test_tables_are_made_once_the_stores_answer(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    look(cluster)

    assert names(cluster, JOB) == []


def test_pods_come_once_the_tables_are_there(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    look(cluster)
    cluster.settle()

    look(cluster)

    assert names(cluster, DEPLOYMENT) == []


def test_an_upgrade_changes_the_tables_before_the_pods(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)

    look(cluster, settings=NEXT)

    assert image(cluster) == SETTINGS.image


def test_an_upgrade_replaces_all_pods(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)

    finish(cluster, settings=NEXT)

    assert {image(cluster, role) for role in ("web", "worker", "beat")} == {NEXT.image}


def test_an_upgrade_tells_the_new_version_at_its_end(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)

    finish(cluster, settings=NEXT)

    assert status(cluster)["currentVersion"] == "1.3.0"


def test_a_migration_that_fails_leaves_the_pods_as_they_were(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    look(cluster, settings=NEXT)
    for manifest in cluster.objects.values():
        if manifest["kind"] == "Job":
            manifest["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}

    look(cluster, settings=NEXT)

    assert image(cluster) == SETTINGS.image
    assert condition(cluster, "RolloutBlocked")["reason"] == "MigrationsFailed"


def test_what_is_left_of_an_upgrade_is_taken_away(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = names(cluster, JOB)

    finish(cluster, settings=NEXT)

    assert set(names(cluster, JOB)).isdisjoint(before)
    assert len(names(cluster, JOB)) == 1


# --- Components ---------------------------------------------------------------------------------


def test_stores_that_the_bundle_brings_are_not_made(cluster: PretendedCluster) -> None:
    bring(cluster, OWN_STORES)

    finish(cluster)

    assert names(cluster, STATEFUL_SET) == []


def test_stores_that_the_bundle_brings_are_what_pods_use(cluster: PretendedCluster) -> None:
    bring(cluster, OWN_STORES)

    finish(cluster)

    assert configuration(cluster)["DB_URI"] == OWN_STORES["DB_URI"]


def test_the_queue_may_be_named_as_quay_does(cluster: PretendedCluster) -> None:
    redis = {"host": "redis.example.com", "port": 6380, "password": "a/b"}
    bring(cluster, {"BUILDLOGS_REDIS": redis, "USER_EVENTS_REDIS": redis})

    finish(cluster)

    assert configuration(cluster)["BROKER_URL"] == "redis://:a%2Fb@redis.example.com:6380/0"


def test_a_component_that_is_managed_no_more_goes(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)

    bring(cluster, OWN_STORES)
    finish(cluster)

    assert names(cluster, STATEFUL_SET) == []
    assert names(cluster, CLAIM) == ["quay-postgres", "quay-redis", "quay-s3"]


def test_the_autoscaler_says_how_many_pods_there_are(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    finish(cluster)

    assert names(cluster, AUTOSCALER) == ["quay-web"]
    assert "replicas" not in found(cluster, DEPLOYMENT, "quay-web")["spec"]


def test_without_an_autoscaler_somebody_may_say_how_many(cluster: PretendedCluster) -> None:
    components = [
        {"kind": "horizontalpodautoscaler", "managed": False},
        {"kind": "quay", "managed": True, "overrides": {"replicas": 5}},
    ]
    make_registry(cluster, {"components": components})

    finish(cluster)

    assert found(cluster, DEPLOYMENT, "quay-web")["spec"]["replicas"] == 5


def test_a_route_that_is_not_managed_is_not_made(cluster: PretendedCluster) -> None:
    make_registry(cluster, {"components": [{"kind": "route", "managed": False}]})

    finish(cluster)

    assert names(cluster, INGRESS) == []


def test_on_openshift_there_is_a_route(cluster: PretendedCluster) -> None:
    cluster.served = (ROUTE,)
    make_registry(cluster)

    finish(cluster)

    assert (names(cluster, ROUTE), names(cluster, INGRESS)) == (["quay"], [])


def test_without_a_domain_the_registry_is_found_inside(cluster: PretendedCluster) -> None:
    make_registry(cluster)

    finish(cluster, settings=Settings(image="berth:1", version="1"))

    assert status(cluster)["registryEndpoint"] == "http://quay.infra.svc"
    assert condition(cluster, "ComponentRouteReady")["reason"] == "NoHostname"


def test_a_certificate_stays_as_long_as_it_is_good(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = found(cluster, SECRET, "quay-tls")["data"]

    look(cluster)

    assert found(cluster, SECRET, "quay-tls")["data"] == before


def test_a_certificate_of_the_bundle_is_what_the_ingress_serves(cluster: PretendedCluster) -> None:
    certificate, key = (part.decode() for part in self_signed("registry.example.com", now=NOW))
    bring(cluster, {}, **{"ssl.cert": certificate, "ssl.key": key})

    finish(cluster)

    served = found(cluster, SECRET, "quay-tls")["data"]["tls.crt"]
    assert base64.b64decode(served).decode() == certificate


def test_a_certificate_ends_and_another_takes_its_place_in_time(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = found(cluster, SECRET, "quay-tls")["data"]["tls.crt"]

    look(cluster, now=NOW + timedelta(days=300))

    assert found(cluster, SECRET, "quay-tls")["data"]["tls.crt"] != before


@pytest.mark.parametrize("other", ["no PEM", "the key of another"])
def test_a_certificate_without_its_key_is_told(cluster: PretendedCluster, other: str) -> None:
    certificate, _ = self_signed("registry.example.com", now=NOW)
    key = other if other == "no PEM" else self_signed("a.example.com", now=NOW)[1].decode()
    bring(cluster, {}, **{"ssl.cert": certificate.decode(), "ssl.key": key})

    look(cluster)

    assert "no certificate with its key" in condition(cluster, "RolloutBlocked")["message"]


def test_a_secret_with_a_certificate_that_is_missing_is_told(cluster: PretendedCluster) -> None:
    tls = {"kind": "tls", "managed": False, "secretRef": {"name": "own-tls"}}
    make_registry(cluster, {"components": [tls]})

    look(cluster)

    assert "of the Secret own-tls" in condition(cluster, "RolloutBlocked")["message"]


def test_prometheus_is_told_where_it_is_there(cluster: PretendedCluster) -> None:
    cluster.served = (SERVICE_MONITOR,)
    make_registry(cluster)

    finish(cluster)

    assert names(cluster, SERVICE_MONITOR) == ["quay"]


def test_a_component_that_berth_has_not_does_no_harm(cluster: PretendedCluster) -> None:
    make_registry(cluster, {"components": [{"kind": "clair", "managed": True}]})

    finish(cluster)

    assert condition(cluster, "ComponentClairReady")["reason"] == "ComponentUnsupported"
    assert condition(cluster, "Available")["status"] == "True"


# --- Wrong input --------------------------------------------------------------------------------


@pytest.mark.parametrize("was_there", [False, True])
def test_what_cannot_be_followed_changes_nothing(
    cluster: PretendedCluster, was_there: bool
) -> None:
    make_registry(cluster)
    if was_there:
        finish(cluster)
    cluster.objects["quayregistries" + QUAY_REGISTRY.group, NAME]["spec"] = {
        "components": [{"kind": "mysql", "managed": True}]
    }
    before = {key: value for key, value in cluster.objects.items() if key[1] != NAME}

    look(cluster)

    assert {key: value for key, value in cluster.objects.items() if key[1] != NAME} == before
    assert condition(cluster, "RolloutBlocked")["status"] == "True"


def test_what_runs_is_available_although_the_spec_is_wrong(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    cluster.objects["quayregistries" + QUAY_REGISTRY.group, NAME]["spec"] = {"components": "all"}

    look(cluster)

    assert condition(cluster, "Available")["status"] == "True"


def test_what_the_cluster_refuses_is_known_before_anything_is_made(
    cluster: PretendedCluster,
) -> None:
    def refuse(manifest: Manifest) -> None:
        if manifest["kind"] == "Deployment":
            raise Blocked("ComponentCreationFailed", "The cluster refuses it.")

    cluster.refuses = refuse
    make_registry(cluster)

    look(cluster)

    assert names(cluster, STATEFUL_SET) == []


def test_a_bundle_that_is_missing_is_told(cluster: PretendedCluster) -> None:
    make_registry(cluster, {"configBundleSecret": "lost"})

    look(cluster)

    assert "no Secret lost" in condition(cluster, "RolloutBlocked")["message"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["a", "list"], "no mapping"),
        ({"DB_URI": "sqlite:///db.sqlite3"}, "postgresql://"),
        ({"DISTRIBUTED_STORAGE_CONFIG": {"d": ["LocalStorage", {}]}}, "share a bucket"),
        ({"DISTRIBUTED_STORAGE_CONFIG": ["S3Storage"]}, "is a mapping"),
    ],
)
def test_a_bundle_that_cannot_be_is_told(
    cluster: PretendedCluster, values: object, sentence: str
) -> None:
    bring(cluster, values)

    look(cluster)

    assert sentence in condition(cluster, "RolloutBlocked")["message"]


def test_text_that_is_no_yaml_is_told_with_its_line(cluster: PretendedCluster) -> None:
    bring(cluster, {}, **{"config.yaml": "A: 1\nB: [\n"})

    look(cluster)

    assert "no YAML, line 3" in condition(cluster, "RolloutBlocked")["message"]


@pytest.mark.parametrize("name", ["1st", "a" * 41, "with.dot", "ends-"])
def test_a_name_that_services_cannot_have_is_told(cluster: PretendedCluster, name: str) -> None:
    make_registry(cluster, name=name)

    look(cluster, name=name)

    (told,) = (e for e in status(cluster, name)["conditions"] if e["type"] == "RolloutBlocked")
    assert told["reason"] == "NameInvalid"


def test_an_object_of_somebody_else_is_left_alone(cluster: PretendedCluster) -> None:
    cluster.put(SERVICE, "quay", spec={"selector": {"app": "other"}})
    make_registry(cluster)

    look(cluster)

    assert found(cluster, SERVICE, "quay")["spec"] == {"selector": {"app": "other"}}
    assert condition(cluster, "RolloutBlocked")["reason"] == "NameTaken"


# --- Keys ---------------------------------------------------------------------------------------


def test_keys_stay_through_rounds_and_upgrades(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = keys(cluster)

    finish(cluster, settings=NEXT)

    assert keys(cluster) == before


def test_keys_that_are_gone_are_not_made_anew(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    del cluster.objects["secrets", "quay-keys"]

    look(cluster)

    assert "quay-keys" not in names(cluster, SECRET)
    assert condition(cluster, "RolloutBlocked")["reason"] == "KeysMissing"


def test_one_key_that_is_gone_is_not_made_anew(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    del cluster.objects["secrets", "quay-keys"]["data"]["SECRET_KEY"]

    look(cluster)

    assert "SECRET_KEY" not in keys(cluster)


def test_a_registry_that_is_made_again_has_its_keys(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = keys(cluster)
    kept = {
        key: m for key, m in cluster.objects.items() if not m["metadata"].get("ownerReferences")
    }
    cluster.objects = {key: manifest for key, manifest in kept.items() if key[1] != NAME}

    make_registry(cluster)
    finish(cluster)

    assert keys(cluster) == before


def rotate(cluster: PretendedCluster, wanted: str) -> None:
    metadata = cluster.objects["quayregistries" + QUAY_REGISTRY.group, NAME]["metadata"]
    metadata["annotations"] = {ROTATE: wanted}


def test_pods_first_learn_to_read_the_next_key(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = keys(cluster)["SECRET_KEY"]
    rotate(cluster, "now")
    for _ in range(2):  # its Job, then its pods
        look(cluster)
        cluster.settle()
    look(cluster)

    read = configuration(cluster)

    assert read["SECRET_KEY"] == before
    assert len(read["SECRET_KEY_FALLBACKS"]) == 1


def test_then_the_next_key_signs_and_the_old_is_read(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    before = keys(cluster)["SECRET_KEY"]

    rotate(cluster, "now")
    finish(cluster)

    assert configuration(cluster)["SECRET_KEY"] == keys(cluster)["SECRET_KEY"] != before
    assert configuration(cluster)["SECRET_KEY_FALLBACKS"] == [before]


def test_a_wish_for_a_new_key_is_followed_once(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    rotate(cluster, "now")
    finish(cluster)
    before = keys(cluster)

    finish(cluster)

    assert keys(cluster) == before


def test_a_key_of_the_bundle_signs_and_ours_is_still_read(cluster: PretendedCluster) -> None:
    bring(cluster, {"SECRET_KEY": "o" * 50})

    finish(cluster)

    read = configuration(cluster)
    assert read["SECRET_KEY"] == "o" * 50
    assert read["SECRET_KEY_FALLBACKS"] == [keys(cluster)["SECRET_KEY"]]


# --- Ends and changes from outside --------------------------------------------------------------


def test_wherever_the_operator_ends_the_next_one_comes_to_the_same() -> None:
    whole = PretendedCluster()
    make_registry(whole)
    finish(whole)
    finish(whole, settings=NEXT)

    for last_write in range(whole.writes):
        cluster = PretendedCluster()
        make_registry(cluster)
        cluster.last_write = last_write
        for settings in (SETTINGS, NEXT):
            try:
                finish(cluster, settings=settings)
            except Killed:
                cluster.last_write = None
                finish(cluster, settings=settings)
        assert wanted_names(cluster) == wanted_names(whole), f"killed after {last_write} writes"


def test_a_change_by_hand_is_taken_back(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    pod = cluster.objects["deploymentsapps", "quay-web"]["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = "somebody/else:1"

    look(cluster)

    assert image(cluster) == SETTINGS.image


def test_an_object_that_was_deleted_comes_back(cluster: PretendedCluster) -> None:
    make_registry(cluster)
    finish(cluster)
    del cluster.objects["services", "quay"]

    look(cluster)

    assert "quay" in names(cluster, SERVICE)
