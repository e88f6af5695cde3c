"""Fixtures of the client tests: a registry over HTTP and over TLS, a home, a repository name."""

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.daemons import containerd_command, dockerd_command, why_it_cannot_start
from tests.clients.registry import ORGANIZATION, Registry, populate
from tests.clients.run import Home, find_client

DAEMONS = {
    "test_docker.py": ("dockerd", dockerd_command),
    "test_containerd.py": ("containerd", containerd_command),
}

_numbers = itertools.count(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of a daemon that cannot start on this machine, and say so in one line.

    A daemon needs more from the machine than being installed, so unlike a missing client this is
    nobody's mistake, even where everything is required.
    """
    for module, (name, command) in DAEMONS.items():
        ours = [item for item in items if item.path == Path(__file__).with_name(module)]
        if ours and find_client(name) and (reason := why_it_cannot_start(command)):
            config.hook.pytest_deselected(items=ours)
            items[:] = [item for item in items if item not in ours]
            _print_past_capture(config, f"{name} cannot start here, not tested: {reason}")


@pytest.fixture(scope="session")
def populated() -> dict[str, Registry]:
    """By the name of its server, which stays when ``registry`` changes from file to file."""
    return {}


@pytest.fixture(scope="session", params=["http", "tls"])
def registry(request: pytest.FixtureRequest, populated: dict[str, Registry]) -> Registry:
    name = "live_registry" if request.param == "http" else "live_registry_tls"
    if name not in populated:
        populated[name] = populate(request.getfixturevalue(name))
    return populated[name]


@pytest.fixture
def home() -> Iterator[Home]:
    """A client's home that trusts nobody yet. Its path is short: podman takes 50 characters."""
    # Some tools make a reference of a path, in which no part may end as random names do.
    with tempfile.TemporaryDirectory(
        prefix="berth", suffix="h", ignore_cleanup_errors=True
    ) as folder:
        yield Home(Path(folder))


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Callable[[], Home]]:
    """Makes homes for daemons, with paths short enough for a socket."""
    with ExitStack() as folders:

        def make() -> Home:
            name = tempfile.TemporaryDirectory(
                prefix="berth", suffix="h", ignore_cleanup_errors=True
            )
            return Home(Path(folders.enter_context(name)))

        yield make


@pytest.fixture
def trusting_home(home: Home, registry: Registry) -> Home:
    """A home on a system whose trusted authorities include the registry's."""
    return Home(home.folder, {"SSL_CERT_FILE": str(registry.ca_file)} if registry.ca_file else {})


@pytest.fixture
def new_repository() -> Callable[[], str]:
    """Names of repositories that do not exist yet and that the owner may make by pushing."""
    return lambda: f"{ORGANIZATION}/project-{next(_numbers)}"


@pytest.fixture
def repository(new_repository: Callable[[], str]) -> str:
    return new_repository()


def _print_past_capture(config: pytest.Config, line: str) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{line}", file=sys.stderr)
