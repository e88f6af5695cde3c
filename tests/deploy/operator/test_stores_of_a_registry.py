"""The stores that the operator makes, as programs on this machine: they start, and let pods in."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis

from deploy.operator.kinds import Manifest
from tests.clients.run import SYSTEM_PATH, client
from tests.deploy.operator.control_plane import until
from tests.deploy.operator.pretended import NAME, PretendedCluster, finish, make_registry
from tests.live import free_port


@pytest.fixture(scope="module")
def cluster() -> PretendedCluster:
    cluster = PretendedCluster()
    make_registry(cluster)
    finish(cluster)
    return cluster


def container(cluster: PretendedCluster, suffix: str) -> Manifest:
    pod = cluster.objects["statefulsetsapps", f"{NAME}-{suffix}"]["spec"]["template"]["spec"]
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


def environment(cluster: PretendedCluster, suffix: str) -> dict[str, str]:
    """What the cluster would give to the container."""
    keys = cluster.objects["secrets", f"{NAME}-keys"]["data"]
    return {
        "PATH": SYSTEM_PATH,
        **{
            entry["name"]: base64.b64decode(
                keys[entry["valueFrom"]["secretKeyRef"]["key"]]
            ).decode()
            for entry in container(cluster, suffix)["env"]
        },
    }


def configuration(cluster: PretendedCluster) -> dict[str, bytes]:
    (secret,) = (
        manifest
        for (_plural, name), manifest in cluster.objects.items()
        if name.startswith(f"{NAME}-config-")
    )
    return {name: base64.b64decode(text) for name, text in secret["data"].items()}


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port))
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_redis_takes_the_password_of_pods_alone(cluster: PretendedCluster, tmp_path: Path) -> None:
    client("redis-server")
    port = free_port()
    found = container(cluster, "redis")
    script = found["args"][0].replace("/tmp", str(tmp_path)).replace("/data", str(tmp_path))
    address = next(
        line.partition(": ")[2]
        for line in configuration(cluster)["config.yaml"].decode().splitlines()
        if line.startswith("BROKER_URL")
    )

    with running(
        [*found["command"], f"{script} --port {port}"], environment(cluster, "redis"), port
    ):
        here = address.replace(f"{NAME}-redis:6379", f"127.0.0.1:{port}")
        with redis.Redis.from_url(here) as pods, redis.Redis(port=port) as strangers:
            answered = pods.ping()
            with pytest.raises(redis.AuthenticationError):
                strangers.ping()

    assert answered


def test_the_job_makes_the_bucket_that_pods_use(cluster: PretendedCluster, tmp_path: Path) -> None:
    port = free_port()
    (_, parameters), *_ = json.loads(configuration(cluster)["DISTRIBUTED_STORAGE_CONFIG"]).values()
    here = {**parameters, "endpoint_url": f"http://127.0.0.1:{port}"}
    (tmp_path / "secret").write_text(json.dumps({"default": ["S3Storage", here]}))
    (tmp_path / "data").mkdir()
    program, folder = container(cluster, "s3")["args"]
    assert folder == "/data"

    with running(
        [
            client("versitygw"),
            "--quiet",
            "--port",
            f"127.0.0.1:{port}",
            program,
            str(tmp_path / "data"),
        ],
        environment(cluster, "s3"),
        port,
    ):
        for _ in range(2):  # as when the Job is tried again
            _make_bucket(cluster, tmp_path / "secret")
        store = boto3.client(
            "s3",
            endpoint_url=here["endpoint_url"],
            region_name=here["s3_region"],
            aws_access_key_id=here["s3_access_key"],
            aws_secret_access_key=here["s3_secret_key"],
        )
        buckets = [bucket["Name"] for bucket in store.list_buckets()["Buckets"]]

    assert buckets == [parameters["s3_bucket"]]


def _make_bucket(cluster: PretendedCluster, secret: Path) -> None:
    (job,) = (found for found in cluster.objects.values() if found["kind"] == "Job")
    (maker,) = job["spec"]["template"]["spec"]["initContainers"]
    (mount,) = maker["volumeMounts"]
    python, option, script = maker["command"]
    place = f"{mount['mountPath']}/DISTRIBUTED_STORAGE_CONFIG"
    assert (python, place in script) == ("python", True)
    command: list[Any] = [sys.executable, option, script.replace(place, str(secret))]
    subprocess.run(command, env={"PATH": os.environ["PATH"]}, check=True, timeout=60)
