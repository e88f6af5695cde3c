"""What older clients speak: schema 1, Docker's V1 API, and its search."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, digest, untar
from tests.clients.raw import TIMEOUT_SECONDS, Login
from tests.clients.registry import PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home
from tests.registry.api.docker_v1.client import Headers, Send, V1Client

SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
EMPTY_LAYER = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"


class ImageWithHistory(Image):
    """An image as builds make them: its config tells the steps, one of which added nothing."""

    @property
    def config(self) -> bytes:
        created = {"created": "2020-01-01T00:00:00Z"}
        history = [
            {**created, "created_by": "COPY hello"},
            {**created, "created_by": "ENV A=B", "empty_layer": True},
        ]
        return json.dumps({**json.loads(super().config), **created, "history": history}).encode()


@pytest.fixture
def skopeo(home: Home, registry: Registry) -> ContainersTool:
    tool = ContainersTool("skopeo", home, registry)
    tool.login(registry.owner)
    return tool


def test_skopeo_pushes_a_signed_schema_1_image_and_pulls_it_back(
    skopeo: ContainersTool, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    image = ImageWithHistory()
    modern, old = (f"{skopeo.registry}/{name}:v1" for name in (new_repository(), new_repository()))
    repository = old.removeprefix(f"{skopeo.registry}/").removesuffix(":v1")
    skopeo.registry.push(
        modern.removeprefix(f"{skopeo.registry}/").removesuffix(":v1"), "v1", image
    )

    trust = [*skopeo.trust("src-"), *skopeo.trust("dest-")]
    skopeo("copy", "--format=v2s1", *trust, f"docker://{modern}", f"docker://{old}")
    skopeo("copy", *skopeo.trust("src-"), f"docker://{old}", f"dir:{tmp_path / 'back'}")

    pushed = skopeo.registry.document(repository, "v1")
    assert (pushed["schemaVersion"], pushed["name"], pushed["tag"]) == (1, repository, "v1")
    layers = [layer["blobSum"] for layer in pushed["fsLayers"]]
    assert layers == [EMPTY_LAYER, digest(image.layer)]
    back = tmp_path / "back" / "manifest.json"
    assert back.read_bytes() == skopeo.registry.manifest(repository, "v1")
    assert untar(image.layer) == image.files


def test_skopeo_turns_a_schema_1_image_into_a_modern_one(
    skopeo: ContainersTool, new_repository: Callable[[], str]
) -> None:
    image = ImageWithHistory()
    names = [new_repository() for _ in range(3)]
    skopeo.registry.push(names[0], "v1", image)
    references = [f"docker://{skopeo.registry}/{name}:v1" for name in names]
    trust = [*skopeo.trust("src-"), *skopeo.trust("dest-")]

    skopeo("copy", "--format=v2s1", *trust, *references[:2])
    skopeo("copy", "--format=v2s2", *trust, *references[1:])

    config = skopeo.registry.document(names[2], "v1")["config"]["digest"]
    assert json.loads(skopeo.registry.blob(names[2], config))["config"] == {"Cmd": ["/hello"]}
    inspected = json.loads(skopeo("inspect", *skopeo.trust(), references[1]))
    assert inspected["Architecture"] == "amd64"


def test_a_v1_client_pulls_what_a_modern_one_pushed(registry: Registry, repository: str) -> None:
    image = ImageWithHistory()
    registry.push(repository, "v1", image)

    leaf, base = V1Client(over(registry), basic(registry.owner)).pull(repository, "v1")

    assert untar(base.layer) == image.files
    assert untar(leaf.layer) == {}
    assert leaf.said["config"] == {"Cmd": ["/hello"]}


def test_a_v1_client_logs_in_by_being_refused(registry: Registry) -> None:
    client = V1Client(over(registry))
    owner = registry.owner

    assert client.login(owner.name, owner.password) == '"Username or email already exists"'


def test_podman_finds_public_repositories_and_its_users_own(
    home: Home, registry: Registry, repository: str
) -> None:
    registry.push(repository, "v1", Image())
    podman = ContainersTool("podman", home, registry)
    search = ["search", "--tls-verify=false", "--format={{.Name}}"]
    own = f"{registry.host}/{repository.rpartition('/')[2]}"

    assert podman(*search, f"{registry.host}/public") == f"{registry.host}/{PUBLIC_REPOSITORY}"
    podman.login(registry.owner)
    assert f"{registry.host}/{repository}" in podman(*search, own).split()


def basic(login: Login) -> str:
    return f"Basic {base64.b64encode(f'{login.name}:{login.password}'.encode()).decode()}"


def over(registry: Registry) -> Send:
    """Sends over HTTP, as the V1 client wants it."""
    context = ssl.create_default_context(cafile=registry.ca_file)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )

    def send(method: str, path: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        request = urllib.request.Request(
            registry.url + path, data=body or None, method=method, headers=dict(headers)
        )
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    return send
