"""What ``DB_URI`` becomes."""

from pathlib import Path
from typing import Any

import pytest

from config.keys.places import database_settings


def options(uri: str) -> dict[str, Any]:
    found: dict[str, Any] = database_settings(uri, data=Path("/data"))["OPTIONS"]
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
    found = database_settings("postgresql:///berth?host=/run/postgresql", data=Path("/data"))

    assert found["HOST"] == "/run/postgresql"
