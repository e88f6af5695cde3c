"""A client that is generated from the API's document is whole, and does its work."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import pytest

from tests.conformance.client import Client
from tests.conformance.repository import Repository
from tests.live import RunningServer

# Nothing is written beside the code, and no formatter runs over it.
SETTINGS = {"package_name_override": "generated", "literal_enums": True, "post_hooks": []}
SCOPES = "repo:admin repo:create user:admin"


@dataclass(frozen=True, slots=True)
class Generated:
    """The package, and what its generator said."""

    words: str
    client: Any

    def call(self, operation: str, *path: str, **said: Any) -> Any:
        """Status and document of what ``TAG.OPERATION`` is answered."""
        module = importlib.import_module(f"generated.api.{operation}")
        answer = module.sync_detailed(*path, client=self.client, **said)
        return answer.status_code, answer.parsed

    def model(self, name: str) -> Any:
        return getattr(importlib.import_module("generated.models"), name)


@pytest.fixture(scope="module")
def generated(
    live_registry: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Generated]:
    folder = tmp_path_factory.mktemp("generated")
    with urlopen(f"{live_registry.url}/api/v1/openapi.json", timeout=60) as answer:
        (folder / "document.json").write_bytes(answer.read())
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate"),
        *("--path", "document.json", "--config", "settings.json"),
        *("--meta", "none", "--output-path", "package/generated"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    told = live_registry.manage("create_token", "admin", "--name", "t", "--scopes", SCOPES)
    token = next(word for word in told.split() if word.startswith("berth_"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "package")
        package = importlib.import_module("generated")
        with package.AuthenticatedClient(live_registry.url, token) as client:
            yield Generated(done.stdout + done.stderr, client)


def test_every_operation_has_its_function(generated: Generated) -> None:
    assert "WARNING" not in generated.words.upper(), generated.words


def test_a_generated_client_makes_lists_and_deletes(
    generated: Generated, live_registry: RunningServer
) -> None:
    name = f"generated-{uuid4().hex[:8]}"
    new = generated.model("NewRepository")(
        repository=name, namespace="admin", visibility="private", description="made"
    )
    made, _ = generated.call("repository.create_repo", body=new)
    admin = Client(live_registry.host, "admin", live_registry.admin_password)
    Repository(admin, f"admin/{name}").push_image("v1")

    _, listed = generated.call("repository.list_repos", namespace="admin")
    _, tagged = generated.call("repository.list_repo_tags", f"admin/{name}")
    robot_body = generated.model("NewRobot")(description="ci")
    robot_made, robot = generated.call("user.create_user_robot", f"r{name[-8:]}", body=robot_body)
    deleted, _ = generated.call("repository.delete_repository", f"admin/{name}")

    assert (made, robot_made, deleted) == (201, 201, 204)
    assert "made" in {one.description for one in listed.repositories if one.name == name}
    assert [tag.name for tag in tagged.tags] == ["v1"]
    assert robot.token.startswith("berth_")
