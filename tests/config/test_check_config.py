"""``manage.py check_config``."""

import subprocess
import sys
from pathlib import Path

from tests.live import ROOT, server_environment


def check_config(data: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check_config", *arguments],
        cwd=ROOT,
        env={**server_environment(data), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_each_value_and_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("# ours\nTOKEN_LIFETIME_SECONDS: 60\n")

    done = check_config(tmp_path, BERTH_SECRET_KEY="hush-hush")

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert f"File: {tmp_path / 'config.yaml'}" in lines
    assert "TOKEN_LIFETIME_SECONDS = 60  [line 2]" in lines
    assert "V2_PAGINATION_SIZE = 1000  [default]" in lines
    assert "SECRET_KEY = (set, not shown)  [environment]" in lines


def test_a_wrong_file_ends_with_status_1_and_one_sentence_per_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "new.yaml"
    wrong.write_text("LOG_LEVEL: loud\nCOLOUR: blue\n")

    done = check_config(tmp_path, str(wrong))

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{wrong}, line 1: LOG_LEVEL: expected 'DEBUG', 'INFO', 'WARNING' or 'ERROR',"
        " but found 'loud'.",
        f"{wrong}, line 2: unknown key COLOUR. See docs/configuration.md for all keys.",
    ]


def test_a_broken_configuration_stops_every_command_with_the_same_sentence(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.yaml").write_text("COLOUR: blue\n")

    done = check_config(tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        f"{tmp_path / 'config.yaml'}, line 1: unknown key COLOUR."
        " See docs/configuration.md for all keys.\n"
    )


def test_the_line_that_quay_s_documentation_gets_wrong_is_explained(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("FEATURE_GENERAL_OCI_SUPPORT = false\n")

    done = check_config(tmp_path)

    assert done.returncode == 1
    place = f"{tmp_path / 'config.yaml'}, line 1"
    assert done.stderr == f"{place}: expected lines of the form KEY: value.\n"
