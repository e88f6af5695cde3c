"""What ``DB_URI`` becomes."""

from pathlib import Path
from typing import Any

import pytest

from config.keys.configuration import Configuration
from config.keys.places import database_settings


def database(uri: str, **keys: Any) -> dict[str, Any]:
    return database_settings(Configuration(DB_URI=uri, **keys), data=Path("/data"))


def options(uri: str) -> dict[str, Any]:
    found: dict[str, Any] = database(uri)["OPTIONS"]
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connect_timeout", "10"),
        ("tcp_user_timeout", "60000"),
        ("options", "-c lock_timeout=30s -c idle_in_transaction_session_timeout=300s"),
    ],
)
def test_no_wait_for_postgresql_is_without_end(name: str, value: str) -> None:
    assert options("postgresql://berth@db.example.com/berth")[name] == value


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("connect_timeout=3", "connect_timeout", "3"),
        ("options=-c%20lock_timeout%3D5s", "options", "-c lock_timeout=5s"),
        ("options=", "options", ""),
    ],
)
def test_the_address_of_the_database_sets_it_otherwise(query: str, name: str, value: str) -> None:
    assert options(f"postgresql://berth@db.example.com/berth?{query}")[name] == value


def test_a_socket_is_named_as_a_host() -> None:
    found = database("postgresql:///berth?host=/run/postgresql")

    assert found["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [("DB_POOL_SIZE", 14, "max_size"), ("DB_POOL_TIMEOUT", 5, "timeout")],
)
def test_how_many_connections_are_kept_can_be_said(key: str, value: int, name: str) -> None:
    found = database("postgresql://berth@db.example.com/berth", **{key: value})

    assert found["OPTIONS"]["pool"][name] == value


def test_a_pool_waits_three_seconds_for_a_database_that_is_gone() -> None:
    assert options("postgresql://berth@db.example.com/berth")["pool"]["timeout"] == 3


def test_cursors_of_the_server_can_be_left_out() -> None:
    uri = "postgresql://berth@db.example.com/berth"

    assert database(uri, DB_SERVER_SIDE_CURSORS=False)["DISABLE_SERVER_SIDE_CURSORS"]
    assert not database(uri)["DISABLE_SERVER_SIDE_CURSORS"]
