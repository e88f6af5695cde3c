"""Berth with its blobs in S3: kills, outages, memory, and starts that cannot be."""

import http.client
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.conformance.client import Client
from tests.conformance.content import digest_of
from tests.conformance.repository import OCTETS, Repository, closing
from tests.conformance.wire import Wire
from tests.live import ROOT, RunningServer, free_port, server_environment, start_server
from tests.s3_server import SECRET_KEY, S3Server
from tests.system.test_memory import PIECE_BYTES, peaks_kib, pull, push

LIMIT_KIB = 200 * 1024  # boto3 takes 40 MiB of it
BLOB_MIB = 200
MIB = 1024**2

pytestmark = pytest.mark.xdist_group("s3-registry")


@pytest.fixture
def repository(s3_registry: RunningServer, request: pytest.FixtureRequest) -> Repository:
    name = request.node.originalname.replace("_", "-")[:80].strip("-")
    return Repository(
        Client(s3_registry.host, "admin", s3_registry.admin_password), f"admin/{name}"
    )


def test_a_large_blob_comes_and_goes_in_little_memory(
    s3_registry: RunningServer, repository: Repository
) -> None:
    digest = push(repository, BLOB_MIB)
    found = pull(repository, digest)

    assert found == (digest, BLOB_MIB * PIECE_BYTES)
    peaks = peaks_kib(s3_registry)
    print(f"{BLOB_MIB} MiB: peaks in KiB {peaks}")
    assert max(peaks) < LIMIT_KIB


def test_while_s3_is_away_nothing_is_promised_and_uploads_go_on_when_it_is_back(
    own_s3: S3Server, repository: Repository
) -> None:
    content = Random(1).randbytes(9 * MIB)
    location = repository.open_upload()
    assert repository.client.patch(location, body=content[: 8 * MIB + 5]).status == 202
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    path = closing(location, digest_of(content))

    own_s3.stop()
    try:
        connection = http.client.HTTPConnection(repository.client.host, timeout=60)
        headers = {**dict(bearer), **dict(OCTETS)}
        connection.request("PUT", path, body=content[8 * MIB + 5 :], headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
    finally:
        own_s3.start()

    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert "UNAVAILABLE" in body
    assert not repository.has_blob(digest_of(content))
    assert repository.offset(location) == 8 * MIB + 5
    assert repository.client.put(path, body=content[8 * MIB + 5 :], headers=OCTETS).status == 201
    assert pull(repository, digest_of(content))[0] == digest_of(content)


def test_a_push_goes_on_after_the_server_was_killed_in_the_middle_of_a_part(
    s3_registry: RunningServer, repository: Repository
) -> None:
    content = Random(2).randbytes(30 * MIB)
    middle = 9 * MIB + 7
    location = repository.open_upload()
    assert repository.client.patch(location, body=content[:middle]).status == 202
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    with Wire(s3_registry.host) as wire:
        wire.begin("PATCH", location, [*bearer, ("Content-Length", str(len(content) - middle))])
        wire.send(content[middle : 28 * MIB])
        s3_registry.kill()

    port = int(s3_registry.host.rpartition(":")[2])
    s3_registry.process = start_server(
        s3_registry.data, port=port, environment=s3_registry.environment
    ).process

    assert repository.offset(location) == middle
    assert repository.client.patch(location, body=content[middle : 20 * MIB]).status == 202
    digest = digest_of(content)
    assert repository.commit(location, digest, content[20 * MIB :]).status == 201
    assert pull(repository, digest) == (digest, len(content))


def test_without_its_bucket_berth_does_not_start_and_says_why(
    tmp_path: Path, s3_server: S3Server
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    environment = server_environment(tmp_path / "data")
    environment |= s3_server.environment(endpoint_url=nobody)

    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={**environment, "PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("Berth cannot start: Cannot use the storage")
    assert nobody in said
    assert "docs/storage.md" in said
    assert SECRET_KEY not in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()
