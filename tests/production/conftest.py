"""One registry for the whole room, whose tests run one after another in one process."""

from collections.abc import Iterator

import pytest

from tests.production.previous import previous_version
from tests.production.stack import Stack, running_stack

# A shallow clone has no version before this one.
collect_ignore = [] if previous_version() else ["test_upgrade.py"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("production")) as stack:
        yield stack


@pytest.fixture
def stack(whole: Stack) -> Stack:
    """All of it is well when a test begins."""
    whole.wait_until_ready()
    return whole
