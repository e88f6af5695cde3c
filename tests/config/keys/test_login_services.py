"""``<NAME>_LOGIN_CONFIG``: what may stand there, and what is said about mistakes."""

from pathlib import Path

import pytest

from config.keys.loading import ConfigurationError, load_configuration
from config.keys.login_services import origins, provider_settings

GOOD = """
ACME_LOGIN_CONFIG:
  OIDC_SERVER: https://sso.example.com/realms/acme/
  CLIENT_ID: berth
  CLIENT_SECRET: hush-hush
"""


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration({"BERTH_DATA": str(folder), **environ})
    return [problem.partition("config.yaml, ")[2] or problem for problem in caught.value.problems]


def test_a_service_is_what_allauth_understands(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD + "  SERVICE_NAME: Acme SSO\n")

    services = load_configuration({"BERTH_DATA": str(tmp_path)}).login_services
    (app,) = provider_settings(services)["openid_connect"]["APPS"]

    assert (app["provider_id"], app["name"], app["client_id"]) == ("acme", "Acme SSO", "berth")
    assert app["settings"]["server_url"] == "https://sso.example.com/realms/acme"
    assert origins(services) == ["https://sso.example.com"]


def test_a_service_comes_from_the_environment_or_a_file_that_it_names(tmp_path: Path) -> None:
    mapping = "{OIDC_SERVER: 'https://a.test', CLIENT_ID: a, CLIENT_SECRET: b}"
    (tmp_path / "service").write_text(mapping)
    environ = {
        "BERTH_DATA": str(tmp_path),
        "BERTH_ONE_LOGIN_CONFIG": mapping,
        "BERTH_TWO_LOGIN_CONFIG_FILE": str(tmp_path / "service"),
    }

    loaded = load_configuration(environ)

    assert set(loaded.login_services) == {"ONE_LOGIN_CONFIG", "TWO_LOGIN_CONFIG"}
    assert loaded.warnings == ()


MISTAKES = {
    "a misspelled parameter": (
        GOOD + "  CLIENT_SECRETS: x\n",
        "line 6: ACME_LOGIN_CONFIG.CLIENT_SECRETS: there is no such parameter."
        " Did you mean CLIENT_SECRET?",
    ),
    "a missing one": (
        "ACME_LOGIN_CONFIG: {CLIENT_ID: a, CLIENT_SECRET: b}\n",
        "line 1: ACME_LOGIN_CONFIG needs OIDC_SERVER.",
    ),
    "an address that is none": (
        GOOD.replace("https://", ""),
        "line 3: ACME_LOGIN_CONFIG.OIDC_SERVER: expected an address such as"
        " https://sso.example.com, but found 'sso.example.com/realms/acme/'.",
    ),
    "a number for a secret, without showing it": (
        GOOD.replace("hush-hush", "12345"),
        "line 5: ACME_LOGIN_CONFIG.CLIENT_SECRET: expected input should be a valid string, but"
        " found '(not shown)'.",
    ),
    "scopes without openid": (
        GOOD + "  LOGIN_SCOPES: [email]\n",
        "line 6: ACME_LOGIN_CONFIG.LOGIN_SCOPES must hold openid.",
    ),
    "a word for a mapping": (
        "ACME_LOGIN_CONFIG: yes-please\n",
        "line 1: ACME_LOGIN_CONFIG: expected a mapping with OIDC_SERVER, CLIENT_ID…",
    ),
    "no password and no service": (
        "FEATURE_DIRECT_LOGIN: false\n",
        "line 1: FEATURE_DIRECT_LOGIN needs a <NAME>_LOGIN_CONFIG beside it: nobody could sign in.",
    ),
    "mail without a server": (
        "FEATURE_MAILING: true\n",
        "line 1: FEATURE_MAILING needs MAIL_SERVER beside it.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line_and_what_was_expected(
    tmp_path: Path, mistake: str
) -> None:
    text, sentence = MISTAKES[mistake]

    assert problems(tmp_path, text) == [sentence]


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    wrong = "{CLIENT_ID: a, CLIENT_SECRET: b}"

    assert problems(tmp_path, "", BERTH_ACME_LOGIN_CONFIG=wrong) == [
        "environment: BERTH_ACME_LOGIN_CONFIG needs OIDC_SERVER."
    ]
