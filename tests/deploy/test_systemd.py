"""The units are what systemd understands, start what there is, and let Berth reach little."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from django.core.management import load_command_class

from config.keys.loading import load_configuration
from config.serving.processes import ROLES
from tests.clients.run import client
from tests.deploy.variables import UNITS, environment_file, unknown_variables

WHOLE = "berth.service"
PART = "berth@.service"
BACKUP = "berth-backup.service"
TIMER = "berth-backup.timer"
NAMES = [WHOLE, *(PART.replace("@", f"@{role}") for role in ROLES)]
BERTH = "/opt/berth/bin/berth"
DRAIN_SECONDS = 20  # of the web server: config/serving/processes.py
# What differs between a service that goes on and work that ends.
_OF_ITS_WORK = {
    *("Type", "ExecStart", "EnvironmentFile", "Restart", "RestartSec", "KillMode", "OOMPolicy"),
}
MOST_EXPOSED = 20  # tenths, where systemd calls 100 unsafe


def source(name: str) -> Path:
    return UNITS / re.sub("@.*", "@.service", name)


def settings(name: str) -> dict[str, set[str]]:
    """Each key of [Service] with all its values."""
    found: dict[str, set[str]] = {}
    section = source(name).read_text().partition("[Service]")[2].partition("[Install]")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, set()).add(value)
    return found


def analyze(unit: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [client("systemd-analyze"), *arguments, unit], capture_output=True, text=True, check=False
    )


@pytest.fixture(params=[*NAMES, BACKUP])
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit as it would be installed, with a program that is there in the place of Berth."""
    name: str = request.param
    path = tmp_path / name
    path.write_text(source(name).read_text().replace(BERTH, "/bin/true"))
    return path


def test_systemd_understands_every_line(unit: Path) -> None:
    found = analyze(unit, "verify", "--man=no", "--recursive-errors=no")

    assert (found.returncode, found.stderr) == (0, "")


def test_a_unit_exposes_little(unit: Path) -> None:
    found = analyze(unit, "security", "--offline=true", f"--threshold={MOST_EXPOSED}")

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_starts_what_berth_has(name: str) -> None:
    (command,) = settings(name)["ExecStart"]
    role = name.partition("@")[2].removesuffix(".service")
    program, subcommand, *arguments = shlex.split(command.replace("%i", role))

    given = load_command_class("config", subcommand).create_parser("berth", subcommand)
    assert (program, given.parse_args(arguments).only) == (BERTH, role)


def test_a_part_is_as_confined_as_the_whole() -> None:
    whole, part = settings(WHOLE), settings(PART)

    assert {**part, "ExecStart": set()} == {**whole, "ExecStart": set()}


def test_a_backup_is_as_confined_as_the_whole() -> None:
    whole, backup = settings(WHOLE), settings(BACKUP)

    confined = {key for key in whole if key not in _OF_ITS_WORK}
    assert {key: backup.get(key) for key in confined} == {key: whole[key] for key in confined}


def test_the_backup_that_the_timer_starts_is_a_command_of_berth() -> None:
    (command,) = settings(BACKUP)["ExecStart"]
    given = environment_file("backup.env")
    for name, value in given.items():
        command = command.replace(f"${{{name}}}", value)
    program, subcommand, *arguments = shlex.split(command)

    parser = load_command_class("config", subcommand).create_parser("berth", subcommand)
    parsed = parser.parse_args(arguments)
    assert (program, parsed.place, parsed.keep) == (BERTH, given["BACKUP_PLACE"], 14)


def test_systemd_understands_the_timer(tmp_path: Path) -> None:
    for name in (TIMER, BACKUP):
        (tmp_path / name).write_text((UNITS / name).read_text().replace(BERTH, "/bin/true"))

    found = analyze(tmp_path / TIMER, "verify", "--man=no", "--recursive-errors=no")

    assert (found.returncode, found.stderr) == (0, "")


def test_what_units_say_in_the_environment_means_something() -> None:
    given = dict(line.split("=", 1) for line in settings(WHOLE)["Environment"])

    assert unknown_variables({**environment_file("berth.env"), **given}) == set()


def test_the_environment_file_starts_berth_as_it_is(tmp_path: Path) -> None:
    lines = (UNITS / "berth.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    configuration = Path(given.pop("BERTH_CONFIG"))

    assert configuration.is_absolute()
    assert load_configuration({**given, "BERTH_DATA": str(tmp_path)}).warnings == ()


def test_a_unit_gives_requests_under_way_the_time_they_have() -> None:
    (stop,) = settings(WHOLE)["TimeoutStopSec"]

    assert int(stop) > 2 * DRAIN_SECONDS
