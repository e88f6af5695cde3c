"""The management API answers as its document says, whatever is made from that document and sent.

Schemathesis makes the requests: each parameter and field at its bounds and beyond, and at random.
Names in paths are those of things that are there, so that what is sent gets past the first refusal.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import pytest

from tests.conformance.client import Client
from tests.conformance.repository import Repository
from tests.live import RunningServer, start_server
from tests.soak import IS_SOAK, rounds

pytestmark = [pytest.mark.xdist_group("described-api"), pytest.mark.timeout(3600)]

SCOPES: Final = {
    "person": "repo:admin repo:create org:admin user:admin user:read",
    "superuser": "repo:admin repo:create org:admin user:admin user:read super:user",
}
CHECKS: Final = (
    *("not_a_server_error", "status_code_conformance"),
    *("content_type_conformance", "response_schema_conformance"),
)
MOST_MISSED: Final = 10  # operations whose thing is made by nothing but people, on pages
PASSWORD: Final = "a battery of horses"
RANDOM_EXAMPLES: Final = 1  # of each operation, beside those at bounds
# With these goes what others are about: they come last.
LAST: Final = (
    *("deleteAdminedOrganization", "deleteOrganization"),
    *("deleteRepository", "deleteInstallUser"),
)
_HOOK: Final = {
    "event": "repo_push",
    "method": "webhook",
    "config": {"url": "https://hooks.invalid/"},
    "eventConfig": {},
}
_PRUNING: Final = {"method": "number_of_tags", "value": 10}
_FIXED: Final = {"tagPattern": "v.*", "tagPatternMatches": True}
_DELEGATE: Final = {"role": "read", "delegate": {"name": "devs", "kind": "team"}}
_LABEL: Final = {"key": "color", "value": "red", "media_type": "text/plain"}
_EXPORT: Final = {"callback_url": "https://hooks.invalid/"}
_APPLICATION: Final = {"name": "robot-arm", "redirect_uri": "https://arm.example/"}
# What is made: where, of what; under which places its id is a parameter, and where it stands in
# the answer.
MADE: Final[tuple[tuple[str, Any, str, str, str], ...]] = (
    ("organization/{organization}/immutabilitypolicy/", _FIXED, "org.*/immu", "policy", "uuid"),
    ("repository/{repository}/immutabilitypolicy/", _FIXED, "repo.*/immu", "policy", "uuid"),
    ("organization/{organization}/prototypes", _DELEGATE, "organization/", "prototype", "id"),
    ("organization/{organization}/applications", _APPLICATION, "", "client_id", "client_id"),
    ("organization/{organization}/notifications", _HOOK, "organization/", "notification", "uuid"),
    ("user/namespacenotifications", _HOOK, "user/", "notification", "uuid"),
    ("repository/{repository}/notification/", _HOOK, "repository/", "notification", "uuid"),
    ("organization/{organization}/autoprunepolicy/", _PRUNING, "organization/", "policy", "uuid"),
    ("user/autoprunepolicy/", _PRUNING, "user/", "policy", "uuid"),
    ("repository/{repository}/autoprunepolicy/", _PRUNING, "repository/", "policy", "uuid"),
    ("repository/{repository}/manifest/{digest}/labels", _LABEL, "", "label", "label.id"),
    ("repository/{repository}/exportlogs", _EXPORT, "", "key", "exported_data_url"),
    ("user/apptoken", {"title": "t"}, "user/", "token", "token.uuid"),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody for whom every name of a path stands for something of theirs."""

    server: RunningServer
    token: str
    parameters: dict[str, dict[str, str]]  # by the beginning of the path

    def ask(self, method: str, path: str, document: object = None) -> Any:
        place = f"{self.server.url}/api/v1/{path.format_map(self.parameters[''])}"
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        with urlopen(Request(place, body, headers, method=method), timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("described") / "data"
    server = start_server(data, environment={"WORKERS": "1"})
    for name in ("person", "guest-of-person", "guest-of-superuser"):
        server.manage("create_user", name, "--password-stdin", stdin=PASSWORD)
    yield server
    server.stop()


@pytest.fixture(params=SCOPES)
def caller(request: pytest.FixtureRequest, server: RunningServer) -> Caller:
    name: str = request.param
    username, password = (
        ("person", PASSWORD) if name == "person" else ("admin", server.admin_password)
    )
    told = server.manage("create_token", username, "--name", "t", "--scopes", SCOPES[name])
    token = next(word for word in told.split() if word.startswith("berth_"))
    organization, guest = f"acme-{name}", f"guest-of-{name}"
    known = {
        **{"organization": organization, "namespace": organization, "tag": "v1", "team": "devs"},
        **{"repository": f"{organization}/web", "user": guest, "member": guest, "robot": "ci"},
        **{"prefix": guest, "kind": "not_found"},
    }
    caller = Caller(server, token, {"": known})
    caller.ask("POST", "organization/", {"name": organization})
    image = Repository(Client(server.host, username, password), known["repository"]).push_image(
        "v1"
    )
    known["digest"] = image.digest
    caller.ask("PUT", "organization/{organization}/team/devs", {"role": "member"})
    caller.ask("PUT", "organization/{organization}/robots/ci")
    caller.ask("PUT", "user/robots/ci")
    for path, document, begins, parameter, place in MADE:
        found = caller.ask("POST", path, document)
        for step in place.split("."):
            found = found[step]
        caller.parameters.setdefault(begins, {})[parameter] = found.rpartition("/")[2]
    return caller


def test_every_answer_is_as_described(caller: Caller, tmp_path: Path) -> None:
    deletions = ["--include-method=DELETE", *(f"--exclude-operation-id={one}" for one in LAST)]
    last = [f"--include-operation-id={one}" for one in LAST]

    reports = [
        _sent(caller, tmp_path, chosen) for chosen in (["--exclude-method=DELETE"], deletions, last)
    ]

    assert [text for status, text in reports if status or _missed(text) > MOST_MISSED] == []


def _sent(caller: Caller, folder: Path, chosen: list[str]) -> tuple[int, str]:
    """The status of schemathesis, and what it said."""
    settings = folder / "schemathesis.toml"
    settings.write_text(_settings(caller.parameters))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={settings}", "run"),
        f"{caller.server.url}/api/v1/openapi.json",
        f"--header=Authorization: Bearer {caller.token}",
        f"--checks={','.join(CHECKS)}",
        "--phases=coverage,fuzzing",
        f"--max-examples={rounds(RANDOM_EXAMPLES)}",
        "--generation-database=none" if IS_SOAK else "--generation-deterministic",
        *("--continue-on-failure", "--no-shrink", "--no-color"),
        *chosen,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout[-20_000:] + done.stderr[-5_000:]


def _missed(text: str) -> int:
    """How many operations found nothing under their names, however they were asked."""
    found = re.search(r"Missing test data: (\d+) operations", text)
    return int(found[1]) if found else 0


def _settings(parameters: dict[str, dict[str, str]]) -> str:
    lines = ["[parameters]", *_lines(parameters[""])]
    for begins, known in parameters.items():
        if begins:
            lines += ["[[operations]]", f"include-path-regex = {json.dumps('^/api/v1/' + begins)}"]
            lines += ["[operations.parameters]", *_lines(known)]
    return "\n".join(lines) + "\n"


def _lines(known: dict[str, str]) -> list[str]:
    return [f"{json.dumps(f'path.{name}')} = {json.dumps(value)}" for name, value in known.items()]
