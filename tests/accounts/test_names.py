"""Which names users, organizations, robots and teams may have."""

import time

import pytest

from accounts.errors import NameRefused
from accounts.names import RESERVED, check_name, check_namespace_name


@pytest.mark.parametrize("name", ["ab", "a1", "my-org", "my_org", "my.org", "a-b.c_d", "a" * 255])
def test_a_name_of_the_grammar_is_accepted(name: str) -> None:
    assert check_namespace_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "a", "a" * 256, "Acme", "acme corp", "-acme", "acme-", "ac--me", "ac__me", "a..b"),
        *("acme/web", "acme+ci", "acme\n", "\nacme", "ac\0me", "ácme", "\uff41cme", "acme:1", "٣٣"),
    ],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(NameRefused):
        check_name(name)


@pytest.mark.parametrize("name", ["v1", "v2", "api", "admin", "static", "healthz", "well-known"])
def test_a_name_our_pages_need_is_refused_for_a_namespace(name: str) -> None:
    with pytest.raises(NameRefused, match="reserved"):
        check_namespace_name(name)


def test_a_reserved_name_is_fine_for_a_robot() -> None:
    assert check_name("admin") == "admin"


def test_every_reserved_name_could_otherwise_be_taken() -> None:
    for name in RESERVED:
        check_name(name)


def test_a_hostile_name_is_refused_quickly() -> None:
    started = time.monotonic()

    with pytest.raises(NameRefused):
        check_name("a" * 250 + "!")
    with pytest.raises(NameRefused):
        check_name("a-" * 10_000_000)

    assert time.monotonic() - started < 5
