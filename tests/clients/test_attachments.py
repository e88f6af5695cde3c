"""What different tools attach, through the referrers API and under tags, is one list."""

from collections import Counter

import pytest

from tests.clients.content import Image
from tests.clients.registry import Registry
from tests.clients.run import Home, client
from tests.clients.test_cosign import NO_AUTHORITIES, WAYS, Cosign
from tests.clients.test_oras_go import API, NOTE, TAG, OrasGo
from tests.live import RunningServer

#: How the bytes travel makes no difference to what is attached.
pytestmark = pytest.mark.parametrize("registry", ["http"], indirect=True)

SBOM = "application/spdx+json"


@pytest.fixture
def oras(trusting_home: Home, registry: Registry, repository: str) -> OrasGo:
    """The program, beside an image ``v1`` in the repository."""
    (trusting_home.folder / "note").write_bytes(Image().files["data.bin"])
    (trusting_home.folder / "sbom").write_text('{"spdxVersion": "SPDX-2.3", "packages": []}')
    registry.push(repository, "v1", Image())
    return OrasGo(trusting_home, registry, registry.owner)


GROUPS = ("signatures", "SBOMs", "other")


def _groups(server: RunningServer, name: str) -> dict[str, int]:
    """How many manifests of each group the registry finds attached.

    The verdicts beside them depend on the keys that others registered for the organization.
    """
    lines = server.manage("signatures", name).splitlines()
    count = Counter(line.split(":")[0].strip() for line in lines if line.startswith("  "))
    return {group: count[group] for group in GROUPS}


@pytest.mark.parametrize("schema", [API, TAG])
def test_the_registry_lists_what_was_attached_with_either_schema(
    oras: OrasGo, repository: str, schema: str, live_registry: RunningServer
) -> None:
    name = f"{oras.registry}/{repository}:v1"

    note = oras.using(schema)("attach", name, NOTE, "note")
    sbom = oras.using(schema)("attach", name, SBOM, "sbom")

    shown = live_registry.manage("signatures", f"{repository}:v1")
    assert f"  other: {note}  {NOTE}\n" in shown
    assert f"  SBOMs: {sbom}  {SBOM}\n" in shown


def test_the_attachments_of_two_tools_and_two_schemas_are_one_list(
    oras: OrasGo, repository: str, live_registry: RunningServer
) -> None:
    name = f"{oras.registry}/{repository}:v1"
    oras.using(API)("attach", name, NOTE, "note")
    oras.using(TAG)("attach", name, SBOM, "sbom")
    home = Home(oras.home.folder, {**oras.home.extra, "COSIGN_PASSWORD": ""})
    owner = oras.registry.owner
    for way in ("cosign2", "cosign3"):
        cosign = Cosign(WAYS[way], home, oras.registry, repository, Image())
        cosign(
            "login", f"--username={owner.name}", f"--password={owner.password}", str(oras.registry)
        )
        if way == "cosign2":
            home.run(client(way), "generate-key-pair")
            home.run(client(way), "attach", "sbom", "--sbom=sbom", "--type=spdx", name)
        (home.folder / "trusted_root.json").write_text(NO_AUTHORITIES)
        cosign("sign", "--key=cosign.key", *cosign.way.offline, name)

    assert _groups(live_registry, f"{repository}:v1") == {
        "signatures": 2,
        "SBOMs": 2,
        "other": 1,
    }
    assert len(oras.using(API)("discover", name).splitlines()) == 3


@pytest.mark.parametrize("schema", [API, TAG])
def test_an_sbom_can_be_found_and_read_where_signatures_are_required(
    oras: OrasGo, repository: str, schema: str, live_registry: RunningServer
) -> None:
    tool = oras.using(schema)
    name = f"{oras.registry}/{repository}:v1"
    note = tool("attach", name, NOTE, "note")
    sbom = tool("attach", name, SBOM, f"sbom:{SBOM}")

    live_registry.manage("require_signatures", repository, "required")
    reader = oras.registry.stranger
    live_registry.manage("grant", "read", repository, "--user", reader.name)
    readers_tool = OrasGo(oras.home, oras.registry, reader, schema)

    found = dict(line.split() for line in readers_tool("discover", name).splitlines())
    assert found == {note: NOTE, sbom: SBOM}
    assert oras.registry.document(repository, sbom)["artifactType"] == SBOM
    # oras goes on from an SBOM to its subject, and reads the refusal there.
    answer = readers_tool.refused("pull", f"{oras.registry}/{repository}@{sbom}", "back")
    subject = oras.registry.document(repository, sbom)["subject"]["digest"]
    assert f"requires a valid signature to pull, and {subject} has none" in answer
