"""A disk that is full: the push is refused, nothing else changes, and reads go on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conformance.client import Answer, Client, Headers
from tests.conformance.content import OCI_MANIFEST, descriptor, digest_of, encode, image, unique
from tests.conformance.repository import Repository, closing
from tests.conformance.wire import Wire
from tests.live import RunningServer, start_server

DISK_MIB = 64
PIECE = os.urandom(1024 * 1024)
TOO_MUCH_MIB = 80
DATABASE_IS_ON_THE_DISK = not os.environ.get("BERTH_DB_URI")
NOISE_BYTES = 4 * 1024 * 1024  # what the database's journal may grow by

pytestmark = [
    pytest.mark.xdist_group("small-disk"),
    pytest.mark.skipif(
        os.geteuid() != 0, reason="only root can mount the small disk that is filled up"
    ),
]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 64 MiB in memory."""
    folder = tmp_path_factory.mktemp("disk")
    size = f"size={DISK_MIB}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=False, timeout=30
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


@pytest.fixture(scope="module")
def server(disk: Path) -> Iterator[RunningServer]:
    server = start_server(disk / "data", environment={"WORKERS": "1"})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def repository(server: RunningServer) -> Repository:
    """A repository with an image ``v1``, in a registry whose data is on the small disk."""
    client = Client(server.host, "admin", server.admin_password)
    repository = Repository(client, "admin/full")
    repository.push_image("v1")
    return repository


@pytest.fixture(scope="module")
def robot(server: RunningServer, repository: Repository) -> Client:
    """One that may read, and did not log in yet."""
    token = server.manage("create_robot", "admin+puller").split()[-1]
    server.manage("grant", "read", repository.name, "--robot", "admin+puller")
    return Client(server.host, "admin+puller", token)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "streamed"])
@pytest.mark.parametrize("way", ["POST", "PATCH", "PUT"])
def test_a_blob_that_does_not_fit_is_refused_and_changes_nothing(
    way: str, is_chunked: bool, repository: Repository, disk: Path
) -> None:
    free_before = shutil.disk_usage(disk).free
    digest = digest_of(PIECE * TOO_MUCH_MIB)
    location = "" if way == "POST" else repository.open_upload()
    path = {
        "POST": repository.uploads(digest=digest),
        "PATCH": location,
        "PUT": closing(location, digest),
    }[way]

    answer = send_too_much(repository, way, path, is_chunked=is_chunked)

    assert answer.status == 507, answer
    assert "full" in answer.json()["errors"][0]["message"]
    assert not repository.has_blob(digest)
    if location:
        assert repository.offset(location) == 0
        assert repository.client.delete(location).status == 204
    assert shutil.disk_usage(disk).free > free_before - NOISE_BYTES
    check_service(repository)


def test_a_disk_without_a_free_byte_refuses_pushes_and_serves_reads(
    repository: Repository, robot: Client, disk: Path
) -> None:
    """Somebody else filled the disk."""
    config, layer = (repository.push_blob(unique()) for _ in range(2))
    body = encode(image(config, [layer], annotations={"large": "x" * 3_000_000}))
    tags = repository.tags()
    ballast = disk / "ballast"
    fill(ballast)
    try:
        refused = [repository.client.post(repository.uploads(digest=digest_of(b"x")), body=b"x")]
        if DATABASE_IS_ON_THE_DISK:
            refused.append(repository.put_manifest(body, "refused"))
        seen = repository.client.get(repository.manifest("v1"))
        listed = repository.tags()
        logged_in = robot.get(repository.manifest("v1"))
    finally:
        ballast.unlink()

    assert {answer.status for answer in refused} == {507}
    assert seen.status == logged_in.status == 200
    assert listed == tags == repository.tags()
    assert repository.put_manifest(body, "accepted").status == 201
    check_service(repository)


def check_service(repository: Repository) -> None:
    """Reads go on, and what fits is taken."""
    manifest = repository.client.get(repository.manifest("v1"))
    assert manifest.status == 200
    for part in (manifest.json()["config"], *manifest.json()["layers"]):
        blob = repository.client.get(repository.blob(part["digest"]))
        assert digest_of(blob.body) == part["digest"]
    content = unique(100_000)
    found = repository.push_blob(content)
    assert repository.client.get(repository.blob(found["digest"])).body == content
    small = image(repository.push_blob(unique()), [descriptor(content)])
    assert repository.put_manifest(small, "v2", OCI_MANIFEST).status == 201


def send_too_much(repository: Repository, way: str, path: str, *, is_chunked: bool) -> Answer:
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    length: Headers = [("Content-Length", str(TOO_MUCH_MIB * len(PIECE)))]
    if is_chunked:
        length = [("Transfer-Encoding", "chunked")]
    with Wire(repository.client.host) as wire:
        wire.begin(way, path, [*bearer, *length])
        # An answer may come before all is sent; the rest is not waited for. Clients read it.
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(TOO_MUCH_MIB):
                wire.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if is_chunked else PIECE)
            if is_chunked:
                wire.send(b"0\r\n\r\n")
        return wire.read(way)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for piece in (PIECE, b"x" * 4096):
            try:
                while file.write(piece) == len(piece):
                    pass
            except OSError:
                continue
