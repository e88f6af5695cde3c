"""What all tests share: a running registry, and loud words about tests that cannot run."""

import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.nodeid import coerce_node_id
from django.conf import settings as django_settings
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker, Settings

from config.keys.configuration import Configuration
from registry.events.outbox import forget_hooks
from tests.division import databases, is_slow
from tests.emptying import empty_tables
from tests.live import BEHIND_A_PROXY, RunningServer, ends_of_logs, start_server
from tests.s3_server import S3Server, running_s3_server
from tests.soak import choose_profile
from tests.template import copy_migrated_database

# With BERTH_REQUIRE_ALL=1 every test must run: a missing client or database is a failure.
REQUIRE_ALL = os.environ.get("BERTH_REQUIRE_ALL") == "1"
# Kubernetes takes longer to build than all tests to run: `make cluster`.
MAY_SKIP = tuple(
    f"tests/deploy/operator/test_{name}.py" for name in ("in_a_cluster", "on_openshift")
)

IS_SQLITE = not os.environ.get("BERTH_DB_URI")
_ON_POSTGRESQL = [
    "registry/queue/test_lost_connection.py",
    "config/serving/test_preparation.py",
    "registry/api/test_standby.py",
    "config/test_migrate.py",
    "config/test_moving.py",
    "system/test_database_away.py",
]
collect_ignore = _ON_POSTGRESQL if IS_SQLITE else []

choose_profile()

# Which has no other place to say so.
TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Django would remove the copied file. It goes with the folder that it is in."""
    return IS_SQLITE


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Tables are made once in a run, not once in each process."""
    with django_db_blocker.unblock():
        copy_migrated_database()


# Keys that Django's settings are made of: those are what counts.
_MADE_INTO_SETTINGS = {
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "DISTRIBUTED_STORAGE_CONFIG",
    "DISTRIBUTED_STORAGE_PREFERENCE",
}


class BerthSettings(Settings):
    """Also the keys of the configuration, by their own names."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Configuration.model_fields and name not in _MADE_INTO_SETTINGS:
            name, value = "BERTH", django_settings.BERTH.model_copy(update={name: value})
        super().__setattr__(name, value)


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Settings to be changed by a test, which hold in its process until it ends."""
    changed = BerthSettings(_is_pytest_django=True)
    yield changed
    changed._finalize()


@pytest.fixture(autouse=True)
def _no_hooks_remembered() -> None:
    """The epochs of one test come again in the next, whose database is a new one."""
    forget_hooks()


@pytest.fixture(scope="session")
def live_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One registry over HTTP for all tests of this process. Use names of your own in it."""
    server = start_server(tmp_path_factory.mktemp("live") / "data", environment=BEHIND_A_PROXY)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def live_registry_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The same over HTTPS, with a certificate from its own root CA."""
    server = start_server(tmp_path_factory.mktemp("live-tls") / "data", tls=True)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 server for all tests of this process. Make a bucket of your own in it."""
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--divided",
        action="store_true",
        help="only what is for this database when the suite runs on both (tests/division.py)",
    )
    parser.addoption(
        "--quick",
        action="store_true",
        help="only what is quick: no servers, no clients, no waiting (tests/division.py)",
    )


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes that are no short text are named by their number.

    What a compressor made can hold the second in which it was made, and processes that name the
    same test differently cannot divide the tests among them.
    """
    if isinstance(val, bytes) and not (
        len(val) <= 40 and val.isascii() and val.decode().isprintable()
    ):
        return f"{len(val)}-bytes"
    return None


@pytest.hookimpl(trylast=True)  # others mark theirs first
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each test has a client's home of its own; daemons and what is pushed first are a file's."""
    _leave_out(config, items)
    clients = Path(__file__).parent / "clients"
    for item in items:
        if clients in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"clients-{item.path.stem}"))
        if getattr(config.option, "loadgroup", False):
            _name_group(item)


def _name_group(item: pytest.Item) -> None:
    """As pytest-xdist 3.8 does to keep a group in one process, in vain since pytest 9.2."""
    if group := item.get_closest_marker("xdist_group"):
        item._id = coerce_node_id(f"{item.nodeid}@{group.args[0]}")


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    database = "sqlite" if IS_SQLITE else "postgresql"
    left_out = [
        item
        for item in items
        if (config.option.divided and database not in databases(item.path))
        or (config.option.quick and is_slow(item.path))
        or (item.get_closest_marker("only_sqlite") and not IS_SQLITE)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"end of {log}", text) for log, text in ends_of_logs()]
    return _refuse_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _refuse_skip(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason why tests did not run."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"SKIPPED ({count}): {reason}", yellow=True, bold=True)


def _refuse_skip(report: Report) -> Report:
    may_skip = report.nodeid.startswith(MAY_SKIP)
    if REQUIRE_ALL and report.skipped and not may_skip and not hasattr(report, "wasxfail"):
        report.longrepr = f"must run, but was skipped: {_reason(report)}"
        report.outcome = "failed"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    match report.longrepr:
        case (_, _, str() as text):
            return text.removeprefix("Skipped: ")
    return str(report.longrepr)
