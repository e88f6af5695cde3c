"""One cluster for all tests that need a real one: they run one after another in one process."""

from collections.abc import Iterator

import pytest

from tests.deploy.operator.control_plane import ControlPlane, Node
from tests.deploy.operator.control_plane.installed import installed


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with installed(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def node(plane: ControlPlane) -> Iterator[Node]:
    with Node(plane).running() as node:
        yield node
