"""Sign-in with OpenID Connect: what ``<NAME>_LOGIN_CONFIG`` may hold, with Quay's names.

``docs/configuration.md`` shows the parameters to administrators; a test compares the two.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.keys.storage_drivers import without_secrets

SUFFIX = "_LOGIN_CONFIG"
_KEY = re.compile(r"[A-Z][A-Z0-9_]*_LOGIN_CONFIG")


class LoginService(BaseModel):
    """One OpenID Connect provider."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    OIDC_SERVER: str = Field(
        pattern=r"^https?://[^/\s]+(/\S*)?$",
        description="Address of the provider. `.well-known/openid-configuration` is below it.",
        examples=["https://sso.example.com/realms/acme/"],
    )
    OIDC_ISSUER: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+(/\S*)?)?$",
        description="What the provider calls itself in its tokens. Empty: `OIDC_SERVER`.",
        examples=["https://sso.example.com"],
    )
    CLIENT_ID: str = Field(
        min_length=1,
        description="The name under which the provider knows Berth.",
        examples=["berth"],
    )
    CLIENT_SECRET: str = Field(
        min_length=1, description="The secret that goes with it.", examples=["6d3f…"]
    )
    SERVICE_NAME: str = Field(
        "",
        description="What the button on the sign-in page calls the provider. Empty: `<NAME>`.",
        examples=["Acme SSO"],
    )
    LOGIN_SCOPES: list[str] = Field(
        ["openid", "profile", "email"],
        min_length=1,
        description="What is asked of the provider. `openid` must be among it.",
        examples=[["openid", "email"]],
    )
    PREFERRED_USERNAME_CLAIM_NAME: str = Field(
        "preferred_username",
        min_length=1,
        description="The claim that holds the user name somebody new would like.",
        examples=["nickname"],
    )
    OIDC_DISABLE_USER_ENDPOINT: bool = Field(
        False,
        description="Whether the ID token says everything, and the provider is asked no more.",
        examples=[True],
    )


@dataclass(frozen=True, slots=True)
class Problem:
    location: tuple[str | int, ...]
    text: str  # what follows the name of the key


def is_login_key(key: object) -> bool:
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def read_services(
    values: Mapping[str, Any],
) -> tuple[dict[str, LoginService], list[Problem]]:
    """The providers by their keys, and what is wrong with the others."""
    services, problems = {}, []
    for key, value in values.items():
        if not isinstance(value, dict):
            problems.append(Problem((key,), ": expected a mapping with OIDC_SERVER, CLIENT_ID…"))
            continue
        try:
            services[key] = LoginService.model_validate(value)
        except ValidationError as error:
            problems += [_problem(key, detail) for detail in error.errors(include_input=True)]
            continue
        if "openid" not in services[key].LOGIN_SCOPES:
            problems.append(Problem((key, "LOGIN_SCOPES"), " must hold openid."))
    return services, problems


def provider_settings(services: Mapping[str, LoginService]) -> dict[str, Any]:
    """What allauth wants to know."""
    return {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [_app(key, service) for key, service in services.items()],
        }
    }


def origins(services: Mapping[str, LoginService]) -> list[str]:
    """Where forms may lead to: the Content-Security-Policy has to allow it."""
    parts = [urlsplit(service.OIDC_SERVER) for service in services.values()]
    return list(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def _app(key: str, service: LoginService) -> dict[str, Any]:
    name = key.removesuffix(SUFFIX)
    return {
        "provider_id": name.lower(),
        "name": service.SERVICE_NAME or name,
        "client_id": service.CLIENT_ID,
        "secret": service.CLIENT_SECRET,
        "settings": {
            "server_url": service.OIDC_SERVER.rstrip("/"),
            "issuer": service.OIDC_ISSUER,
            "scope": service.LOGIN_SCOPES,
            "username_claim": service.PREFERRED_USERNAME_CLAIM_NAME,
            "fetch_userinfo": not service.OIDC_DISABLE_USER_ENDPOINT,
        },
    }


def _problem(key: str, detail: Any) -> Problem:
    location = (key, *detail["loc"])
    name = str(detail["loc"][0])
    match detail["type"]:
        case "missing":
            return Problem((key,), f" needs {name}.")
        case "extra_forbidden":
            near = difflib.get_close_matches(name, list(LoginService.model_fields), n=1)
            hint = f"Did you mean {near[0]}?" if near else "See docs/configuration.md."
            return Problem((key, name), f": there is no such parameter. {hint}")
        case "string_pattern_mismatch":
            expected = "an address such as https://sso.example.com"
        case "string_too_short":
            expected = "some text"
        case _:
            expected = detail["msg"].lower()
    shown = repr(without_secrets({name: detail["input"]})[name])
    return Problem(location, f": expected {expected}, but found {shown}.")
