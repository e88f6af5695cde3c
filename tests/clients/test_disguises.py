"""Unsigned images that call themselves proofs, and real clients that would unpack them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import OCI_MANIFEST, Image, descriptor, digest, tar
from tests.clients.registry import Registry
from tests.clients.run import Home, client
from tests.clients.test_signatures import reader_of

#: How the bytes travel makes no difference to what is refused.
pytestmark = pytest.mark.parametrize("registry", ["http"], indirect=True)

SBOM = "application/spdx+json"
REASON = "requires a valid signature to pull"


@dataclass(frozen=True)
class Disguise(Image):
    """An image that says that it is an SBOM of a manifest.

    Its archive is one to Go, which ends the field of a checksum at the first NUL, and none to who
    reads the whole field.
    """

    subject: str = ""
    layer_type: str = "application/vnd.oci.image.layer.v1.tar"

    @cached_property
    def layer(self) -> bytes:
        plain = tar({"pwned": b"#!/bin/sh\necho unsigned\n"})
        assert plain[154:156] == b"\x00 "
        return plain[:155] + b"Z" + plain[156:]

    @property
    def config(self) -> bytes:
        unpacked = {"type": "layers", "diff_ids": [digest(self.layer)]}
        document = {"architecture": "amd64", "os": "linux", "rootfs": unpacked}
        return json.dumps(document).encode()

    @property
    def manifest(self) -> bytes:
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": SBOM,
            "config": descriptor("application/vnd.oci.image.config.v1+json", self.config),
            "layers": [descriptor(self.layer_type, self.layer)],
            "subject": {"mediaType": OCI_MANIFEST, "digest": self.subject, "size": 10},
        }
        return json.dumps(document).encode()


@pytest.fixture
def reader(registry: Registry, repository: str, home: Home) -> Home:
    """Somebody who may read a repository that holds disguises and requires signatures."""
    honest = registry.push(repository, "honest", Image())
    registry.push(repository, "layer", Disguise(subject=honest.digest))
    registry.push(repository, "sbom", Disguise(subject=honest.digest, layer_type=SBOM))
    registry.push(repository, "absent", Disguise(subject="sha256:" + "1" * 64))
    registry.push(
        repository, f"{honest.digest.replace(':', '-')}.sbom", Disguise(subject=honest.digest)
    )
    registry.server.manage("require_signatures", repository, "required")
    return reader_of(repository, registry, home)


def _containers_tool(name: str, *command: str) -> Callable[[Registry, Home, str], str]:
    def refused(registry: Registry, reader: Home, reference: str) -> str:
        tool = ContainersTool(name, reader, registry)
        tool.login(registry.stranger)
        trust = tool.trust("src-" if name == "skopeo" else "")
        if name == "skopeo":
            target = f"dir:{reader.folder}/copied"
            return tool.refused(*command, *trust, f"docker://{reference}", target)
        return tool.refused(*command, *trust, reference)

    return refused


def _crane(registry: Registry, reader: Home, reference: str) -> str:
    return reader.refused(client("crane"), "pull", reference, "pulled.tar")


def _oras(registry: Registry, reader: Home, reference: str) -> str:
    login = {
        "ORAS_USERNAME": registry.stranger.name,
        "ORAS_PASSWORD": registry.stranger.password,
    }
    home = Home(reader.folder, {**reader.extra, **login})
    return home.refused(client("oras-go-client"), "-plain-http", "pull", reference, "pulled")


CLIENTS = {
    "podman": _containers_tool("podman", "pull", "--quiet"),
    "skopeo": _containers_tool("skopeo", "copy"),
    "crane": _crane,
    "oras-go": _oras,
}


@pytest.mark.parametrize("tool", CLIENTS)
def test_no_client_gets_an_unsigned_image_in_disguise(
    registry: Registry, repository: str, reader: Home, tool: str
) -> None:
    tags = registry.tags(repository)
    assert len(tags) == 5

    answers = [CLIENTS[tool](registry, reader, f"{registry}/{repository}:{tag}") for tag in tags]

    assert all(REASON in answer for answer in answers), answers
