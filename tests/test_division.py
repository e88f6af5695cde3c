"""The division of the tests names what is there, and leaves nothing out."""

import gzip
from pathlib import Path

import pytest

from tests.conftest import pytest_make_parametrize_id
from tests.division import BOTH, DIVISION, SLOW, databases

TESTS = Path(__file__).parent


@pytest.mark.parametrize("line", [*DIVISION, *SLOW])
def test_every_line_names_a_folder_or_file(line: str) -> None:
    assert (TESTS / line).exists()


def test_every_test_runs_on_a_database() -> None:
    assert all(databases(file) <= BOTH and databases(file) for file in TESTS.rglob("test_*.py"))


def test_what_nobody_named_runs_on_both() -> None:
    assert databases(TESTS / "registry/test_new.py") == BOTH


def test_a_file_is_heard_before_its_folder() -> None:
    assert databases(TESTS / "artifacts/policy/test_new.py") == BOTH


def test_bytes_that_change_with_the_second_do_not_change_the_name_of_a_test() -> None:
    names = {pytest_make_parametrize_id(gzip.compress(b"x", mtime=second)) for second in (1, 2)}
    assert names == {"21-bytes"}


def test_short_text_names_its_test() -> None:
    assert pytest_make_parametrize_id(b"{}") is None


@pytest.mark.xdist_group("one process")
def test_a_group_is_told_to_whatever_divides_the_tests(request: pytest.FixtureRequest) -> None:
    is_divided = bool(getattr(request.config.option, "loadgroup", False))

    assert request.node.nodeid.endswith("@one process") == is_divided
