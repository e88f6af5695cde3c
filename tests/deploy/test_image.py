"""The image: what the Containerfile copies is a whole Berth, and runs with little."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from pytest_django import Settings

from config.serving import preparation
from tests.deploy.variables import unknown_variables
from tests.live import ROOT

CONTAINERFILE = ROOT / "deploy/container/Containerfile"
PROGRAM = ROOT / "deploy/container/berth"
# Not Berth's: what the system and Python read.
OTHERS = {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


def instructions() -> list[tuple[str, str]]:
    """In their order, continued lines joined."""
    lines = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", "", lines).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined if line)]


def of(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def copies() -> list[tuple[list[str], str]]:
    """What comes from the checkout, and where to, below /opt/berth."""
    found = []
    for rest in of("COPY"):
        words = [word for word in shlex.split(rest) if not word.startswith("--")]
        if "--from=" not in rest:
            found.append((words[:-1], words[-1]))
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands in /opt/berth, but for the packages."""
    folder = tmp_path_factory.mktemp("image")
    for sources, target in copies():
        for source in sources:
            place = folder / target / (Path(source).name if target.endswith("/") else "")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    (folder / "collected").mkdir()
    manage(folder, "collectstatic", "--no-input", "--verbosity", "0")
    return folder


def manage(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "BERTH_DATA": str(folder / "nowhere")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_copied_is_a_whole_berth(image: Path) -> None:
    said = manage(image, "check")

    assert "no issues" in said


def test_the_static_files_are_in_the_image_and_not_in_the_data(image: Path) -> None:
    assert (image / "collected/staticfiles.json").exists()
    assert not (image / "nowhere").exists()


def test_a_start_leaves_static_files_that_came_along_as_they_are(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preparation, "COLLECTED_DIR", tmp_path)
    settings.STATIC_ROOT = tmp_path

    preparation._collect_static_files()

    assert list(tmp_path.iterdir()) == []


def test_the_image_has_every_package_of_the_wheel() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]

    copied = {source for sources, _ in copies() for source in sources}
    assert {*wheel["packages"], *wheel["force-include"]} <= copied


def test_what_is_copied_is_let_into_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]

    for sources, _ in copies():
        for source in sources:
            assert any(fnmatch(source, pattern) for pattern in let_in), source
            assert (ROOT / source).exists()


def test_data_and_secrets_of_a_checkout_stay_out() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert "*" in lines
    assert not {"!data", "!deploy", "!.git", "!tests"} & set(lines)


def test_it_runs_as_nobody_in_particular() -> None:
    assert of("USER") == ["10001:0"]


def test_its_program_is_berth() -> None:
    assert of("ENTRYPOINT") == ['["berth"]']
    assert of("CMD") == ['["serve"]']
    assert PROGRAM.read_text().splitlines()[-1] == (
        'exec /opt/berth/.venv/bin/python /opt/berth/manage.py "$@"'
    )


def test_its_variables_mean_something() -> None:
    (given,) = of("ENV")
    names = {pair.partition("=")[0] for pair in shlex.split(given)}

    assert unknown_variables(names - OTHERS) == set()


def test_packages_are_checked_by_their_hashes() -> None:
    (install,) = (rest for rest in of("RUN") if "pip install" in rest)

    assert "--require-hashes" in install
    assert "deploy/requirements.lock" in install


def test_it_is_told_to_end_by_the_signal_that_berth_knows() -> None:
    assert of("STOPSIGNAL") == ["SIGTERM"]
