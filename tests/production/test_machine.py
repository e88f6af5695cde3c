"""What docs/production.md and the manual tell root to type, typed on a machine that is a folder."""

import grp
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from config.keys.loading import load_configuration
from tests.clients.run import client
from tests.config.documented import lines_for_root
from tests.deploy.variables import environment_file
from tests.live import ROOT
from tests.production.document import DOCUMENT, PAGE, documented

MANUAL: Final = "docs/manual/installing.md"
# Of the manual only what makes files and starts units: the rest makes the program and its user.
_TYPED: Final = ("install ", "openssl ", "chgrp ", "systemctl enable ")
OF_THE_MANUAL: Final = [line for line in lines_for_root(MANUAL) if line.startswith(_TYPED)]
OF_THE_PAGE: Final = lines_for_root(PAGE)
# The page goes on where the manual has installed Berth.
LINES: Final = {
    MANUAL: OF_THE_MANUAL,
    PAGE: [
        *OF_THE_MANUAL[: OF_THE_MANUAL.index("systemctl enable --now berth")],
        *OF_THE_PAGE,
    ],
}
# What the folder holds all effects of. Whatever else a document shows is not run here.
_HARMLESS: Final = re.compile(
    r"(install|openssl rand|chgrp|chmod|sed|systemctl (enable --now|restart)) "
)
PARTS: Final = {"berth@web.service", "berth@worker.service", "berth@beat.service"}


class Machine:
    """A folder with an ``/etc`` of its own, and a group of this machine in the place of Berth's.

    No systemd runs there, so units are enabled, which makes the links that start them, and those
    that are to be restarted are asked whether they are enabled.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "etc/systemd/system").mkdir(parents=True)
        ours = set(os.getgroups()) if os.getuid() else {group.gr_gid for group in grp.getgrall()}
        self.group = grp.getgrgid(max(ours - {os.getgid()}, default=os.getgid()))
        systemctl = f"{client('systemctl')} --root={folder}"
        self._words = {
            r"/etc/": f"{folder}/etc/",
            r"(-g|^chgrp) berth ": rf"\1 {self.group.gr_name} ",
            r"^systemctl enable --now": f"{systemctl} enable",
            r"^systemctl restart": f"{systemctl} is-enabled",
        }

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        assert all(_HARMLESS.match(command) for command in line.split(" && ")), line
        absolute = [word for word in shlex.split(line) if word.startswith("/")]
        assert all(word.startswith("/etc/") for word in absolute), line
        for theirs, ours in self._words.items():
            line = re.sub(theirs, ours, line)
        return subprocess.run(
            ["/bin/bash", "-c", f"umask 022; {line}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def path(self, absolute: str) -> Path:
        return self.folder / absolute.removeprefix("/")

    def started(self, target: str) -> set[str]:
        """Units that the target starts, with a file for each: one that was installed."""
        links = [*self.path(f"/etc/systemd/system/{target}.target.wants").iterdir()]
        return {link.name for link in links if self.path(str(link.readlink())).is_file()}


Typed = tuple[Machine, Mapping[str, subprocess.CompletedProcess[str]]]


@pytest.fixture(scope="module", params=LINES)
def typed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """A machine, and what became of each line."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    return machine, {line: machine.type(line) for line in LINES[request.param]}


@pytest.fixture
def machine(typed: Typed) -> Machine:
    return typed[0]


def test_each_line_for_root_ends_well(typed: Typed) -> None:
    failed = {line: one.stderr for line, one in typed[1].items() if one.returncode}

    assert failed == {}


def test_secrets_are_for_root_and_berth_alone(machine: Machine) -> None:
    found = [machine.path(f"/etc/berth/{name}") for name in ("secrets", "secrets/SECRET_KEY")]

    assert [stat.S_IMODE(path.stat().st_mode) for path in found] == [0o750, 0o640]
    assert {path.stat().st_gid for path in found} == {machine.group.gr_gid}


def test_the_key_that_openssl_makes_is_one_that_berth_takes(
    machine: Machine, tmp_path: Path
) -> None:
    file = machine.path(environment_file("berth.env")["BERTH_SECRET_KEY_FILE"])

    loaded = load_configuration({"BERTH_DATA": str(tmp_path), "BERTH_SECRET_KEY_FILE": str(file)})

    assert re.fullmatch(r"[A-Za-z0-9+/]{64}", loaded.configuration.SECRET_KEY)


def test_each_part_starts_with_the_machine(machine: Machine) -> None:
    assert machine.started("multi-user") >= PARTS


@pytest.mark.parametrize("typed", [PAGE], indirect=True)
def test_the_timer_of_backups_starts_with_the_machine_and_has_its_service(
    machine: Machine,
) -> None:
    assert machine.started("timers") == {"berth-backup.timer"}
    assert machine.path("/etc/systemd/system/berth-backup.service").is_file()


@pytest.mark.parametrize("typed", [PAGE], indirect=True)
def test_the_place_of_backups_is_for_root_and_berth_alone(machine: Machine) -> None:
    found = machine.path("/etc/berth/backup.env")

    assert (stat.S_IMODE(found.stat().st_mode), found.stat().st_gid) == (
        0o640,
        machine.group.gr_gid,
    )


@pytest.mark.parametrize("typed", [PAGE], indirect=True)
def test_what_a_new_version_restarts_are_the_parts(typed: Typed) -> None:
    (line,) = (line for line in typed[1] if line.startswith("systemctl restart "))

    assert {f"{name}.service" for name in line.split()[2:]} == PARTS
    assert typed[1][line].stdout.split() == ["enabled"] * len(PARTS)


def _environment(machine: Machine) -> dict[str, str]:
    lines = machine.path("/etc/berth/berth.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("typed", [PAGE], indirect=True)
def test_the_environment_names_each_file_of_secrets(machine: Machine) -> None:
    table = DOCUMENT.read_text().partition("| file | what it says |")[2].partition("\n\n")[0]
    names = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)

    found = _environment(machine)

    assert {key: value for key, value in found.items() if key.endswith("_FILE")} == {
        f"BERTH_{name}_FILE": f"/etc/berth/secrets/{name}" for name in names
    }


@pytest.mark.parametrize("typed", [PAGE], indirect=True)
def test_a_machine_listens_where_the_proxy_asks_it(machine: Machine) -> None:
    found = _environment(machine)

    assert f"server {found['HOST']}:{found['PORT']} " in documented("nginx")
