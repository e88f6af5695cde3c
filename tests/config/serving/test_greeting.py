"""What a person reads when Berth is ready."""

from dataclasses import replace

import pytest
from pytest_django import Settings

from config.serving.processes import Options
from config.serving.serve import greeting

OPTIONS = Options.read({"PORT": "28082", "BERTH_DATA": "/nowhere"})


def test_by_itself_it_is_where_it_listens() -> None:
    assert "Berth is ready: http://127.0.0.1:28082\n" in greeting(OPTIONS, is_tls=False)


@pytest.fixture
def named(settings: Settings) -> None:
    settings.SERVER_HOSTNAME = "registry.example.com"
    settings.PREFERRED_URL_SCHEME = "https"


def test_behind_a_proxy_it_is_where_clients_find_it(named: None) -> None:
    words = greeting(OPTIONS, is_tls=False)

    assert "Berth is ready: https://registry.example.com\n" in words
    assert "podman login -u admin registry.example.com" in words


def test_a_name_of_the_environment_counts_where_no_other_is_configured() -> None:
    options = replace(OPTIONS, server_hostname="registry.test:5000")

    assert "Berth is ready: http://registry.test:5000\n" in greeting(options, is_tls=False)
