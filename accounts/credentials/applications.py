"""OAuth applications of organizations: made, changed, and given tokens of people.

Source: RFC 6749 (both grants that lead through a browser), RFC 7636 (PKCE, S256 alone).
"""

import hashlib
import hmac
import secrets
import string
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from django.core.cache import cache
from django.db import transaction
from jwt.utils import base64url_encode

from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.models import AccessToken, OAuthApplication, OAuthOffer
from accounts.credentials.principals import SUPERUSER, read_scopes
from accounts.credentials.services import (
    fingerprint,
    issue_application_token,
    new_secret,
)
from accounts.errors import AccountError
from accounts.organizations.models import Organization
from accounts.users.models import User
from accounts.users.services import bump_access_epoch

MOST_APPLICATIONS: Final = 100  # of one organization
MOST_TOKENS: Final = 500  # of one application
MOST_OFFERS: Final = 500  # of one application
MAX_SCOPE_LENGTH: Final = 255  # of an offer
TOKEN_LASTS: Final = timedelta(seconds=315_576_000)  # ten years, as in Quay
CODE_LASTS_SECONDS: Final = 600
_RESPONSE_TYPES: Final = ("token", "code")
_CLIENT_ID: Final = string.ascii_uppercase + string.digits
_CLIENT_ID_LENGTH: Final = 20


class ApplicationRefused(AccountError):
    """Something about the application, or what is asked for it, cannot be."""


def create_application(
    *,
    organization: Organization,
    name: str,
    description: str = "",
    application_uri: str = "",
    redirect_uri: str = "",
    avatar_email: str = "",
    now: datetime,
    by: Actor = SYSTEM,
) -> tuple[OAuthApplication, str]:
    """The application and its secret, which is returned once. Raises ``ApplicationRefused``."""
    fields = {
        "name": name,
        "description": description,
        "application_uri": application_uri,
        "redirect_uri": redirect_uri,
        "avatar_email": avatar_email,
    }
    _check(fields)
    secret = new_secret()
    with transaction.atomic():
        list(Organization.objects.select_for_update().filter(pk=organization.pk))
        if organization.applications.count() >= MOST_APPLICATIONS:
            raise ApplicationRefused(f"an organization has at most {MOST_APPLICATIONS}")
        application: OAuthApplication = organization.applications.create(
            client_id="".join(secrets.choice(_CLIENT_ID) for _ in range(_CLIENT_ID_LENGTH)),
            secret_sha256=fingerprint(secret),
            created_at=now,
            **fields,
        )
        by.did("application.create", organization.name, now=now, application=name)
    return application, secret


def change_application(
    *, application: OAuthApplication, fields: Mapping[str, str], now: datetime, by: Actor = SYSTEM
) -> None:
    """Say anew what ``fields`` names. Raises ``ApplicationRefused``."""
    _check(fields)
    for field, value in fields.items():
        setattr(application, field, value)
    with transaction.atomic():
        application.save(update_fields=list(fields))
        organization = application.organization.name
        by.did("application.change", organization, now=now, application=application.name)


def reset_secret(*, application: OAuthApplication, now: datetime, by: Actor = SYSTEM) -> str:
    """A secret in the place of the one it has. It is returned once."""
    secret = new_secret()
    application.secret_sha256 = fingerprint(secret)
    with transaction.atomic():
        application.save(update_fields=["secret_sha256"])
        organization = application.organization.name
        by.did("application.secret.reset", organization, now=now, application=application.name)
    return secret


def delete_application(*, application: OAuthApplication, now: datetime, by: Actor = SYSTEM) -> None:
    """All tokens that were made for it are worthless at once."""
    with transaction.atomic():
        organization, name = application.organization.name, application.name
        application.delete()
        by.did("application.delete", organization, now=now, application=name)
        bump_access_epoch()


def application_at(
    client_id: str, *, organization: Organization | None = None
) -> OAuthApplication | None:
    """The application, of that organization if one is given. What no id is, is not asked for."""
    if not (client_id.isascii() and client_id.isalnum()):
        return None
    applications = OAuthApplication.objects.select_related("organization__namespace")
    if organization is not None:
        applications = applications.filter(organization=organization)
    return applications.filter(client_id=client_id[:40]).first()


def issue_token(
    *,
    application: OAuthApplication,
    user: User,
    title: str,
    scope: str,
    caller_scopes: frozenset[str] | None = None,
    expires_at: datetime | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> tuple[AccessToken, str]:
    """A token of ``user`` for an application, and its secret, which is returned once.

    Args:
        scope: words between blanks or commas.
        caller_scopes: the scopes of the token that the caller came with, if any.

    Raises ``ScopeUnknown``, and ``ApplicationRefused`` where the caller does not have a scope.
    """
    scopes = read_scopes(scope)
    check_scopes(scopes, user, caller_scopes)
    with transaction.atomic():
        list(OAuthApplication.objects.select_for_update().filter(pk=application.pk))
        if application.tokens.count() >= MOST_TOKENS:
            raise ApplicationRefused(f"an application has at most {MOST_TOKENS} tokens")
        secret = issue_application_token(
            user=user,
            title=title,
            scopes=scopes,
            application=application,
            expires_at=expires_at,
            now=now,
            by=by,
        )
        token = application.tokens.get(sha256=fingerprint(secret))
    return token, secret


def offer_token(
    *,
    application: OAuthApplication,
    user: User,
    scope: str,
    redirect_uri: str,
    response_type: str,
    now: datetime,
    by: Actor = SYSTEM,
) -> OAuthOffer:
    """Ask a person to let a program in, in the place of what it asked them before.

    Whether they can give what is asked for turns out when they agree. Raises ``ScopeUnknown`` and
    ``ApplicationRefused``.
    """
    check_response_type(response_type)
    if len(scope) > MAX_SCOPE_LENGTH:
        raise ApplicationRefused(f"scope has at most {MAX_SCOPE_LENGTH} characters")
    read_scopes(scope)
    with transaction.atomic():
        list(OAuthApplication.objects.select_for_update().filter(pk=application.pk))
        if application.offers.exclude(user=user).count() >= MOST_OFFERS:
            raise ApplicationRefused(f"at most {MOST_OFFERS} people are asked at a time")
        offer, _ = application.offers.update_or_create(
            user=user,
            defaults={
                "scope": scope,
                "redirect_uri": redirect_uri,
                "response_type": response_type,
                "created_at": now,
            },
        )
        organization = application.organization.name
        facts = {"application": application.name, "user": user.username, "scope": scope}
        by.did("application.offer", organization, now=now, **facts)
    return offer


def check_response_type(text: str) -> None:
    """Raises ``ApplicationRefused``."""
    if text not in _RESPONSE_TYPES:
        raise ApplicationRefused("response_type must be token or code")


def end_offer(*, application: OAuthApplication, user: User) -> None:
    """The person has let the program in, or does not want to."""
    application.offers.filter(user=user).delete()


def check_scopes(
    scopes: frozenset[str], user: User, caller_scopes: frozenset[str] | None = None
) -> None:
    """Raises ``ApplicationRefused`` for scopes that the caller cannot give away."""
    if SUPERUSER in scopes and not user.is_superuser:
        raise ApplicationRefused(f"only superusers can give {SUPERUSER}")
    if caller_scopes is not None and (missing := scopes - caller_scopes):
        raise ApplicationRefused(f"the token does not have the scope {min(missing)} itself")


def scope_within(scope: str, user: User) -> str:
    """What of ``scope`` somebody can give to a program that asks for all there is (RFC 6749, 3.3:
    less may be given than was asked for, where the answer says so). Raises ``ScopeUnknown``, also
    where nothing is left."""
    scopes = read_scopes(scope)
    if SUPERUSER not in scopes or user.is_superuser:
        return scope
    rest = " ".join(sorted(scopes - {SUPERUSER}))
    read_scopes(rest)
    return rest


def check_redirect(application: OAuthApplication, redirect_uri: str, *, own: str) -> None:
    """Raises ``ApplicationRefused`` unless tokens may be sent there: exactly where the application
    says, or to the page ``own`` of this registry, which shows them."""
    allowed = {own, application.redirect_uri} - {""}
    if redirect_uri not in allowed:
        raise ApplicationRefused("the redirect_uri is not that of the application")


def place_with_token(*, redirect_uri: str, secret: str, scope: str, state: str = "") -> str:
    """Where the browser takes a token: in the fragment, which no server sees."""
    answer = {"access_token": secret, "token_type": "Bearer", "expires_in": _SECONDS}
    more = {"state": state} if state else {}
    return _with_query(redirect_uri, {"scope": scope}) + f"#{urlencode({**answer, **more})}"


def place_with_code(
    *,
    application: OAuthApplication,
    user: User,
    redirect_uri: str,
    scope: str,
    challenge: str = "",
    state: str = "",
) -> str:
    """Where the browser takes a code, which is good once and for ten minutes.

    Args:
        challenge: of PKCE, by S256; empty: none.
    """
    code = secrets.token_urlsafe(32)
    grant = {
        "application": application.pk,
        "user": user.pk,
        "stamp": user.get_session_auth_hash()[:16],
        "redirect_uri": redirect_uri,
        "scope": scope,
        "challenge": challenge,
    }
    cache.set(_code_key(code), grant, CODE_LASTS_SECONDS)
    more = {"state": state} if state else {}
    return _with_query(redirect_uri, {"code": code, **more})


def redeem_code(
    *,
    code: str,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    verifier: str = "",
    now: datetime,
    by: Actor = SYSTEM,
) -> tuple[AccessToken, str]:
    """The token for a code, and its secret. The code is worthless from then on, whatever comes.

    Raises ``ApplicationRefused``; which part is wrong is not said.
    """
    key = _code_key(code)
    grant: dict[str, Any] | None = cache.get(key)
    if grant is None or not cache.delete(key):  # of two who ask at once, one gets it
        raise ApplicationRefused("the code is wrong, used or too old")
    application = application_at(client_id)
    user = User.objects.filter(pk=grant["user"], is_active=True).first()
    is_right = (
        application is not None
        and user is not None
        and application.pk == grant["application"]
        and hmac.compare_digest(application.secret_sha256, fingerprint(client_secret))
        and redirect_uri == grant["redirect_uri"]
        and user.get_session_auth_hash()[:16] == grant["stamp"]
        and _answers(grant["challenge"], verifier)
    )
    if not is_right or application is None or user is None:
        raise ApplicationRefused("the code is not for this application, or its secret is wrong")
    return issue_token(
        application=application,
        user=user,
        title=application.name,
        scope=grant["scope"],
        expires_at=now + TOKEN_LASTS,
        now=now,
        by=by,
    )


_SECONDS: Final = int(TOKEN_LASTS.total_seconds())


def _check(fields: Mapping[str, str]) -> None:
    if not fields.get("name", "-").strip():
        raise ApplicationRefused("an application needs a name")
    for field in ("application_uri", "redirect_uri"):
        if (address := fields.get(field, "")) and not _is_address(address):
            raise ApplicationRefused(f"{field} must be an address with http:// or https://")


def _is_address(text: str) -> bool:
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
    except ValueError:
        return False


def _answers(challenge: str, verifier: str) -> bool:
    if not challenge:
        return True
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64url_encode(digest), challenge.encode())


def _with_query(address: str, more: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(more)}"


def _code_key(code: str) -> str:
    return f"oauth-code:{fingerprint(code)}"
