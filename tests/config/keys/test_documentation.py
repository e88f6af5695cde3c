"""docs/configuration.md says what the configuration really is."""

from pathlib import Path

import pytest

from config.keys.configuration import KEYS_FROM_FILES
from config.keys.login_services import LoginService
from config.serving.processes import Options
from tests.config.keys.reference import changeable, table

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_every_key_is_documented_with_its_type_default_meaning_and_example() -> None:
    assert table() in DOCUMENT.read_text()


def test_every_key_that_can_change_while_berth_runs_is_documented_with_why_it_can() -> None:
    assert changeable() in DOCUMENT.read_text()


@pytest.mark.parametrize("key", sorted(KEYS_FROM_FILES))
def test_every_key_that_may_come_from_a_file_is_documented(key: str) -> None:
    assert f"`BERTH_{key}_FILE`" in DOCUMENT.read_text()


def test_every_parameter_of_a_login_service_is_documented() -> None:
    assert table(LoginService) in DOCUMENT.read_text()


def test_the_documented_options_of_serve_have_the_documented_defaults() -> None:
    text = DOCUMENT.read_text()
    options = Options.read({})

    assert f"| `HOST` | `{options.host}` |" in text
    assert f"| `PORT` | `{options.port}` |" in text
    assert f"| `BERTH_DATA` | `{options.data.name}` |" in text
    assert options.workers in {1, 2}
    assert not options.wants_tls
