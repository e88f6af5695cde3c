"""For whom connections are counted, and how many of them one may keep."""

import time
from ipaddress import ip_network

import pytest
from pytest_django.fixtures import Settings

from config.front_door import networks as networks_module
from config.front_door.networks import Networks
from config.web_server.peers import PROXIES


@pytest.fixture(autouse=True)
def _shares(settings: Settings) -> None:
    settings.SHARE_PER_CLIENT = 75
    settings.SHARE_PER_STRANGER = 40
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::5/128")]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::7", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("10.1.2.3", PROXIES),
        ("::ffff:10.1.2.3", PROXIES),
        ("2001:db8::5", PROXIES),
    ],
)
def test_a_connection_is_counted_for_its_network(address: str, network: str) -> None:
    assert Networks().of(address) == network


def test_strangers_keep_fewer_connections() -> None:
    assert Networks().share_of("192.0.2.1") == 40


def test_a_network_is_known_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    networks = Networks()
    networks.know("192.0.2.1")

    now += 3599
    assert networks.share_of("192.0.2.1") == 75
    assert networks.share_of("192.0.2.2") == 40

    now += 1
    assert networks.share_of("192.0.2.1") == 40


def test_proxies_may_keep_all_connections() -> None:
    assert Networks().share_of(PROXIES) == 100


def test_no_more_networks_are_known_than_are_counted() -> None:
    networks = Networks()
    networks.know("192.0.2.1")
    networks.know("192.0.2.2")
    networks.know("192.0.2.1")
    for number in range(networks_module._MOST_KNOWN - 1):
        networks.know(f"2001:db8:0:{number:x}::/64")

    assert [networks.share_of(f"192.0.2.{last}") for last in (1, 2)] == [75, 40]
