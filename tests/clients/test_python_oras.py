"""The Python oras library: both ways to prove who calls, whole and chunked uploads, subjects."""

import os
from pathlib import Path

import oras.client
import oras.oci
import pytest

from tests.clients.content import Image, digest
from tests.clients.raw import Login
from tests.clients.registry import Registry

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHUNK_BYTES = 100_000


@pytest.fixture(params=["token", "basic"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one file in it, and a home without any login."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    for variable in ("DOCKER_CONFIG", "ORAS_USER", "ORAS_PASS", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.bin").write_bytes(os.urandom(3 * CHUNK_BYTES + 1))
    return tmp_path


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_python_oras_pulls_the_file_it_pushed(
    registry: Registry, repository: str, backend: str, folder: Path, chunked: bool
) -> None:
    name = f"{registry}/{repository}:v1"
    files = ["data.bin:application/vnd.example.data"]
    pusher = _client(registry, backend, registry.owner, folder)

    pushed = pusher.push(
        target=name, files=files, do_chunked=chunked, chunk_size=CHUNK_BYTES, quiet=True
    )
    puller = _client(registry, backend, registry.owner, folder)
    pulled = puller.pull(target=name, outdir=str(folder / "back"))

    assert pushed.status_code == 201
    assert [Path(path).read_bytes() for path in pulled] == [(folder / "data.bin").read_bytes()]
    assert puller.get_tags(name) == ["v1"]


def test_python_oras_attaches_a_file_to_an_image(
    registry: Registry, repository: str, backend: str, folder: Path
) -> None:
    image = registry.push(repository, "v1", Image())
    client = _client(registry, backend, registry.owner, folder)
    subject = oras.oci.Subject(OCI_MANIFEST, image.digest, len(image.manifest))

    target = f"{registry}/{repository}:note"
    client.push(target=target, files=["data.bin"], subject=subject, quiet=True)

    note = registry.manifest(repository, "note")
    referrers = registry.referrers(repository, image.digest)
    assert [entry["digest"] for entry in referrers] == [digest(note)]


# With tokens it cannot: it looks first, and keeps the token that was enough for looking.
@pytest.mark.parametrize("backend", ["basic"], indirect=True)
def test_python_oras_deletes_a_tag(
    registry: Registry, repository: str, backend: str, folder: Path
) -> None:
    registry.push(repository, "v1", Image())
    client = _client(registry, backend, registry.owner, folder)

    assert client.delete_tag(f"{registry}/{repository}", "v1")

    assert not registry.has(repository, "v1")


def test_python_oras_without_rights_is_refused(
    registry: Registry, repository: str, backend: str, folder: Path
) -> None:
    client = _client(registry, backend, registry.stranger, folder)

    with pytest.raises(ValueError, match=r"(?i)denied|unauthorized|authenti"):
        client.push(target=f"{registry}/{repository}:v1", files=["data.bin"], quiet=True)

    assert not registry.has(repository, "v1")


def _client(registry: Registry, backend: str, login: Login, folder: Path) -> oras.client.OrasClient:
    client = oras.client.OrasClient(
        hostname=registry.host,
        insecure=not registry.has_tls,
        tls_verify=str(registry.ca_file) if registry.ca_file else True,
        auth_backend=backend,
    )
    # The login asks nobody: it writes the pair down, and the first request shows whether it fits.
    config = folder / "config.json"
    client.login(login.name, login.password, hostname=registry.host, config_path=str(config))
    return client
