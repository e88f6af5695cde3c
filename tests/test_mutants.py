"""The tool that looks for faults that no test sees."""

import pytest

from tests import mutants


@pytest.mark.parametrize("room", mutants.ROOMS)
def test_a_room_that_is_changed_has_tests_that_may_notice(room: str) -> None:
    assert mutants.tests_of(room)
