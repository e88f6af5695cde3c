"""Signing in by OpenID Connect: what is believed of a provider's answers, and what refused.

Source: OpenID Connect Core 1.0, section 3.1.3.7; Discovery 1.0, section 4.3; RFC 9207.
"""

import hashlib
from typing import Any, Final

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponseBase
from jwt.utils import base64url_encode
from requests import Response

from accounts.credentials.workloads.foreign_tokens import TokenRefused, verified
from artifacts.oci.errors import OCIError
from artifacts.oci.strict_json import parse_object

_LONGEST_SUBJECT: Final = 191  # characters, as the row has room for
_LONGEST_CLAIM: Final = 1000
_LARGEST_DOCUMENT: Final = 20_000  # values
_NEEDED: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class UnusableAnswer(OAuth2Error):  # type: ignore[misc]
    """What a provider said is no basis for signing somebody in."""


class _Client(OAuth2Client):  # type: ignore[misc]
    def get_redirect_url(self, authorization_url: str, scope: Any, extra_params: Any) -> str:
        """The challenge of PKCE also is the nonce: both bind the answer to this one question."""
        challenge = extra_params["code_challenge"]
        parameters = {
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "nonce": challenge,
        }
        return str(super().get_redirect_url(authorization_url, scope, parameters))

    def get_access_token(self, code: str, **more: Any) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.request(
                "POST",
                self.access_token_url,
                data={
                    "redirect_uri": self.callback_url,
                    "grant_type": "authorization_code",
                    "code": code,
                    "code_verifier": more["pkce_code_verifier"],
                    **({} if self.basic_auth else self._own_name),
                },
                auth=tuple(self._own_name.values()) if self.basic_auth else None,
            )
        return _object_of(answer)

    @property
    def _own_name(self) -> dict[str, str]:
        return {"client_id": self.consumer_key, "client_secret": self.consumer_secret}


class OpenIDConnectAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    client_class = _Client
    _config: dict[str, Any] | None = None
    _nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        if self._config is None:
            provider = self.get_provider()
            place = provider.app.settings["server_url"].partition("/.well-known/")[0]
            wanted = provider.app.settings["issuer"] or place
            self._config = _checked_config(_fetched(provider.server_url), wanted)
        return self._config

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: _Client, pkce_code_verifier: str
    ) -> dict[str, Any]:
        speaker = request.GET.get("iss")
        if speaker is not None and speaker != self.openid_config["issuer"]:
            raise UnusableAnswer(f"the answer is of {speaker!r}")
        challenge = hashlib.sha256(pkce_code_verifier.encode()).digest()
        self._nonce = base64url_encode(challenge).decode()
        answer: dict[str, Any] = super().get_access_token_data(
            request, app, client, pkce_code_verifier
        )
        return answer

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """It is used once, and not kept."""
        token = data.get("access_token")
        if not (isinstance(token, str) and token.isascii() and token.isprintable()):
            raise UnusableAnswer("there is no access token")
        return SocialToken(token=token)

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **more: Any
    ) -> SocialLogin:
        """Both answers must speak of the same person (Core, 5.3.2)."""
        answers = {"id_token": self._identity(app, more["response"].get("id_token"))}
        if app.settings["fetch_userinfo"]:
            headers = {"Authorization": f"Bearer {token.token}"}
            answers["userinfo"] = _fetched(self._profile_url, headers=headers)
            if answers["userinfo"].get("sub") != answers["id_token"]["sub"]:
                raise UnusableAnswer("ID token and user information speak of two people")
        claims_by_source = {name: _claims_kept(claims) for name, claims in answers.items()}
        return self.get_provider().sociallogin_from_response(request, claims_by_source)

    @property
    def _profile_url(self) -> str:
        config = self.openid_config
        return _endpoint(config, "userinfo_endpoint", under=config["issuer"])

    def _identity(self, app: SocialApp, token: object) -> dict[str, Any]:
        if not isinstance(token, str):
            raise UnusableAnswer("there is no ID token")
        config = self.openid_config
        keys = _fetched(config["jwks_uri"]).get("keys")
        try:
            claims = verified(token, keys, issuer=config["issuer"], audience=app.client_id)
        except TokenRefused as error:
            raise UnusableAnswer(f"the ID token cannot be used: {error}") from error
        if claims.get("nonce") != self._nonce:
            raise UnusableAnswer("the ID token answers another question")
        is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if is_for_several else app.client_id) != app.client_id:
            raise UnusableAnswer("the ID token was made for another client")
        subject = claims["sub"]
        if not (0 < len(subject) <= _LONGEST_SUBJECT and subject.isprintable()):
            raise UnusableAnswer("the subject is no name")
        return claims


class OpenIDConnect(OpenIDConnectProvider):  # type: ignore[misc]
    oauth2_adapter_class = OpenIDConnectAdapter


def login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    return _answer_of(OAuth2LoginView, request, provider_id)


def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    return _answer_of(OAuth2CallbackView, request, provider_id)


def _answer_of(view: Any, request: HttpRequest, provider_id: str) -> HttpResponseBase:
    answer: HttpResponseBase = view.adapter_view(OpenIDConnectAdapter(request, provider_id))(
        request
    )
    return answer


def _checked_config(config: dict[str, Any], wanted: str) -> dict[str, Any]:
    for name in _NEEDED:
        _endpoint(config, name, under=wanted)
    if config["issuer"].rstrip("/") != wanted.rstrip("/"):
        raise UnusableAnswer(f"the issuer is {config['issuer']!r}, and not {wanted!r}")
    if not isinstance(config.get("token_endpoint_auth_methods_supported", []), list):
        config["token_endpoint_auth_methods_supported"] = []
    return config


def _endpoint(config: dict[str, Any], name: str, *, under: str) -> str:
    """An address that the provider names. One that is encrypted leads to none that is not."""
    address = config.get(name)
    schemes = ("https://",) if under.startswith("https://") else ("https://", "http://")
    if not (isinstance(address, str) and address.isprintable() and address.startswith(schemes)):
        raise UnusableAnswer(f"{name} is no address that can be used")
    return address


def _fetched(url: str, **options: Any) -> dict[str, Any]:
    with get_adapter().get_requests_session() as session:
        return _object_of(session.get(url, **options))


def _object_of(answer: Response) -> dict[str, Any]:
    if not answer.ok or answer.is_redirect:
        raise UnusableAnswer(f"{answer.url} answers {answer.status_code}")
    try:
        return parse_object(answer.content, max_values=_LARGEST_DOCUMENT)
    except OCIError as error:
        raise UnusableAnswer(f"what {answer.url} answers is no JSON object") from error


def _claims_kept(claims: dict[str, Any]) -> dict[str, Any]:
    """Names and addresses, and what vouches for one. Nothing else is used here, or stored."""
    return {
        name: claim
        for name, claim in claims.items()
        if (isinstance(claim, str) and len(claim) <= _LONGEST_CLAIM) or name == "email_verified"
    }
