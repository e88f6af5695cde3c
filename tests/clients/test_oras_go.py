"""A program on oras-go: push, attach and discover with both referrers schemas, copy, delete."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.content import Image, digest
from tests.clients.raw import Login
from tests.clients.registry import PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home, client

API, TAG = "v1.1-referrers-api", "v1.1-referrers-tag"
NOTE, REPORT = "application/vnd.example.note", "application/vnd.example.report"


@dataclass(frozen=True)
class OrasGo:
    """The program, as one person or as nobody, with one referrers schema or its own choice."""

    home: Home
    registry: Registry
    login: Login | None
    schema: str = ""

    def __call__(self, *arguments: str) -> str:
        return self._home.run(client("oras-go-client"), *self._options, *arguments)

    def refused(self, *arguments: str) -> str:
        return self._home.refused(client("oras-go-client"), *self._options, *arguments)

    def using(self, schema: str) -> "OrasGo":
        return OrasGo(self.home, self.registry, self.login, schema)

    @property
    def _home(self) -> Home:
        pair = self.login and {
            "ORAS_USERNAME": self.login.name,
            "ORAS_PASSWORD": self.login.password,
        }
        return Home(self.home.folder, {**self.home.extra, **(pair or {})})

    @property
    def _options(self) -> list[str]:
        options = [] if self.registry.has_tls else ["-plain-http"]
        return [*options, f"-distribution-spec={self.schema}"]


@pytest.fixture
def oras(trusting_home: Home, registry: Registry) -> OrasGo:
    for name in ("data", "note", "report"):
        (trusting_home.folder / name).write_bytes(Image().files["data.bin"])
    return OrasGo(trusting_home, registry, registry.owner)


def test_oras_go_pulls_the_files_it_pushed(oras: OrasGo, repository: str) -> None:
    name = f"{oras.registry}/{repository}:v1"

    pushed = oras("push", name, "data", "note")
    pulled = oras("pull", name, "back")

    assert pushed == pulled == digest(oras.registry.manifest(repository, "v1"))
    for file in ("data", "note"):
        assert _bytes(oras, f"back/{file}") == _bytes(oras, file)


@pytest.mark.parametrize("schema", [API, TAG])
def test_oras_go_discovers_what_it_attached_with_either_schema(
    oras: OrasGo, repository: str, schema: str
) -> None:
    tool = oras.using(schema)
    name = f"{oras.registry}/{repository}:v1"
    tool("push", name, "data")

    note = tool("attach", name, NOTE, "note")
    report = tool("attach", name, REPORT, "report")

    assert _discovered(tool, name) == {note: NOTE, report: REPORT}
    assert _discovered(tool, name, REPORT) == {report: REPORT}
    tool("pull", f"{oras.registry}/{repository}@{report}", "back")
    assert _bytes(oras, "back/report") == _bytes(oras, "report")


def test_oras_go_finds_by_itself_that_the_registry_has_the_referrers_api(
    oras: OrasGo, repository: str
) -> None:
    name = f"{oras.registry}/{repository}:v1"
    oras("push", name, "data")

    note = oras("attach", name, NOTE, "note")

    assert _discovered(oras.using(API), name) == {note: NOTE}
    assert oras("tags", f"{oras.registry}/{repository}").split() == ["v1"]


def test_the_referrers_api_shows_what_was_attached_through_the_tag(
    oras: OrasGo, repository: str
) -> None:
    name = f"{oras.registry}/{repository}:v1"
    oras("push", name, "data")

    note = oras.using(TAG)("attach", name, NOTE, "note")
    report = oras.using(API)("attach", name, REPORT, "report")

    assert _discovered(oras.using(API), name) == {note: NOTE, report: REPORT}


def test_oras_go_copies_an_artifact_with_its_referrers(
    oras: OrasGo, new_repository: Callable[[], str]
) -> None:
    first, second = (f"{oras.registry}/{new_repository()}:v1" for _ in range(2))
    pushed = oras("push", first, "data")
    note = oras("attach", first, NOTE, "note")

    oras("copy", first, second)

    assert oras("pull", second, "back") == pushed
    assert _bytes(oras, "back/data") == _bytes(oras, "data")
    assert _discovered(oras, second) == {note: NOTE}


def test_oras_go_deletes_a_referrer(oras: OrasGo, repository: str) -> None:
    name = f"{oras.registry}/{repository}:v1"
    oras("push", name, "data")
    note = oras("attach", name, NOTE, "note")

    oras("delete", f"{oras.registry}/{repository}@{note}")

    assert _discovered(oras, name) == {}


def test_oras_go_pulls_a_public_artifact_without_a_login(oras: OrasGo) -> None:
    name = f"{oras.registry}/{PUBLIC_REPOSITORY}:oras-go"
    pushed = oras("push", name, "data")

    nobody = OrasGo(oras.home, oras.registry, login=None)

    assert nobody("pull", name, "back") == pushed
    assert "401" in nobody.refused("push", name, "note")


def test_oras_go_without_rights_is_told_so(oras: OrasGo, repository: str) -> None:
    name = f"{oras.registry}/{repository}:v1"
    oras("push", name, "data")

    stranger = OrasGo(oras.home, oras.registry, oras.registry.stranger)

    for command in (["pull", name, "back"], ["push", name, "note"]):
        answer = stranger.refused(*command)
        assert "401" in answer
        assert repository in answer


def _discovered(oras: OrasGo, name: str, *artifact_type: str) -> dict[str, str]:
    lines = oras("discover", name, *artifact_type).splitlines()
    return dict(line.split() for line in lines)


def _bytes(oras: OrasGo, path: str) -> bytes:
    return Path(oras.home.folder / path).read_bytes()
