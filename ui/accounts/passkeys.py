"""allauth's forms for passkeys and security keys, with what they do not ask.

Source: Web Authentication, Level 3, sections 7.1 and 7.2.
"""

import logging
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from accounts.credentials.second_factors import count_use
from artifacts.oci.errors import OCIError
from artifacts.oci.strict_json import parse_object

LARGEST_CREDENTIAL = (
    64 * 1024
)  # characters; with a certificate of the maker's it has a few thousand
LONGEST_NAME = 100

# What the readers of CBOR, COSE and JSON below stumble over.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)

logger = logging.getLogger(__name__)


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """What is kept is what proves the key, and whether it signs in by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound(self.fields)

    def clean(self) -> dict[str, Any]:
        try:
            data: dict[str, Any] = super().clean()
            if credential := data.get("credential"):
                data["credential"] = _kept(credential)
                registration = RegistrationResponse.from_dict(data["credential"])
                _require_origin(registration.response.client_data)
        except ValidationError:
            raise
        except _UNREADABLE as error:
            raise _refusal(error) from error
        return data


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound(self.fields)


class _Checked(forms.Form):
    """An assertion that is of this place, and of no copy of the key."""

    passwordless: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound(self.fields)

    def clean_credential(self) -> Authenticator:
        credential = self.cleaned_data["credential"]
        try:
            authenticator: Authenticator = super().clean_credential()  # type: ignore[misc]
            assertion = AuthenticationResponse.from_dict(credential).response
            _require_origin(assertion.client_data)
        except ValidationError:
            raise
        except _UNREADABLE as error:
            raise _refusal(error) from error
        # The question may have been asked where a password came before; here nothing did.
        if self.passwordless and not assertion.authenticator_data.is_user_verified():
            raise _refusal("nobody was verified by the key")
        if not count_use(authenticator=authenticator, counter=assertion.authenticator_data.counter):
            raise _refusal(f"the counter of key {authenticator.pk} went back: there may be a copy")
        return authenticator


class PasskeyFactorForm(_Checked, AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class PasskeyAgainForm(_Checked, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class PasskeyLoginForm(_Checked, LoginWebAuthnForm):  # type: ignore[misc]
    pass


def _bound(fields: dict[str, forms.Field]) -> None:
    if "name" in fields:
        fields["name"] = forms.CharField(
            max_length=LONGEST_NAME,
            required=fields["name"].required,
            label=fields["name"].label,
            initial=fields["name"].initial,
        )
    if "credential" in fields:
        fields["credential"] = _CredentialField(
            max_length=LARGEST_CREDENTIAL, widget=forms.HiddenInput
        )


class _CredentialField(forms.CharField):
    def clean(self, value: Any) -> dict[str, Any]:
        try:
            credential = parse_object(super().clean(value).encode())
        except OCIError as error:
            raise _refusal(error) from error
        if not credential:  # it would pass for one that was checked
            raise _refusal("there is nothing in it")
        return credential


def _require_origin(client_data: Any) -> None:
    """The library also takes the origins of hosts below ours, which may be anybody's."""
    ours = get_adapter().get_public_key_credential_rp_entity()["id"]
    if urlsplit(client_data.origin).hostname != ours:
        raise _refusal(f"the key was asked at {client_data.origin!r}")


def _kept(credential: dict[str, Any]) -> dict[str, Any]:
    response = credential["response"]
    extensions = credential.get("clientExtensionResults")
    properties = extensions.get("credProps") if isinstance(extensions, dict) else None
    resident = properties.get("rk") if isinstance(properties, dict) else None
    return {
        **{name: credential[name] for name in ("id", "rawId") if name in credential},
        "type": "public-key",
        "response": {name: response[name] for name in ("clientDataJSON", "attestationObject")},
        "clientExtensionResults": {"credProps": {"rk": resident}} if resident is True else {},
    }


def _refusal(reason: object) -> ValidationError:
    logger.warning("a passkey was refused: %s", reason)
    refusal: ValidationError = get_adapter().validation_error("incorrect_code")
    return refusal
