"""Who a name and a secret belong to, and issuing and revoking tokens."""

import hashlib
import hmac
import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.audit.services import SYSTEM, Actor
from accounts.audit.sightings import notice
from accounts.credentials import keys, throttle
from accounts.credentials.directory import directory_person, is_in_directory
from accounts.credentials.models import AccessToken, TokenScope, delete_first
from accounts.credentials.passwords import hashing_slot, remembered, verify
from accounts.credentials.principals import ANONYMOUS, Principal, Scope
from accounts.credentials.second_factors import delete_used_codes
from accounts.credentials.shared_cache import delete_ended_values
from accounts.credentials.throttle import Attempt
from accounts.names import is_name
from accounts.organizations import invitations
from accounts.users.models import Robot, User
from accounts.users.services import bump_access_epoch
from artifacts.oci.errors import Denied, Unauthorized

logger = logging.getLogger(__name__)

APPLICATION: Final = "$app"
"""The user name that goes with an application token."""

TOKEN_PREFIX: Final = "berth_"  # noqa: S105 - lets scanners for leaked secrets know ours
TOKEN_BYTES: Final = 32
STAMP_LENGTH: Final = 16  # hex digits
SECOND_FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
NOTE_USE_EVERY: Final = timedelta(minutes=1)
NOTE_LOGIN_EVERY: Final = timedelta(hours=1)
KEEP_EXPIRED_TOKENS: Final = timedelta(days=30)


def authenticate(
    *, username: str, password: str, address: str, door: str = "", now: datetime
) -> Principal:
    """Find out who ``username`` with ``password`` is, for a client.

    Three kinds of credentials: a person's name and password, a robot's name
    (``owner+short``) and token, and one of a user's application tokens with ``$app`` or
    with the user's own name.

    Args:
        address: where the request comes from; failures are counted by it.
        door: the first part of the path that was asked for, as ``/v2``; empty: the login is
            not written down.

    Raises:
        Unauthorized: wrong. An unknown name and a wrong password say and cost the same.
        Denied: right, but the account is disabled, or has a second factor that a client
            cannot ask for.
        TooManyRequests: too many failures before; nothing was checked.
    """
    principal = _client(username, password, address=address, now=now)
    if door:
        _note_login(Actor(principal.name, address), principal.kind, door=door, now=now)
    return principal


def _client(username: str, password: str, *, address: str, now: datetime) -> Principal:
    if username == APPLICATION:
        return _application(password, address=address, now=now)
    if "+" in username:
        return _robot(username, password, address=address, now=now)
    if token := _token_of(username, password):
        return _by_right_token(token, now=now)
    user = _person(username, password, address=address, now=now)
    _refuse_unverified(user, is_verified=user.has_verified_address)
    if user.has_second_factor:
        raise Denied(
            f"the account {username!r} has a second factor, so its password is not enough here:"
            f" log in as {APPLICATION} with an application token from the settings page"
        )
    return principal_of(user)


def authenticate_person(*, username: str, password: str, address: str, now: datetime) -> Principal:
    """As ``authenticate``, but a person's password is all that counts.

    Only for a door that asks for the second factor itself.
    """
    user = _person(username, password, address=address, now=now)
    return principal_of(user)


def _person(username: str, password: str, *, address: str, now: datetime) -> Any:
    """Whose name and password these are, as one of ``_persons``."""
    attempt = Attempt.of(username, address=address)
    standing = throttle.refuse_if_blocked(attempt, now=now)
    persons = _persons()
    known = user = persons.filter(username=username).first() if is_name(username) else None

    if is_in_directory(user):
        found = directory_person(username, password, address=address, now=now)
        user = persons.get(pk=found.pk) if found else None
    elif not remembered.holds(user, password, now=now):
        with hashing_slot():
            # Look again: guesses sent all at once waited here, and each failure must
            # count before the next one is tried.
            standing = throttle.refuse_if_blocked(attempt, now=now)
            if not verify(user, password, now=now):
                user = None
    if user is None:
        _fail(attempt, known.username if known else "", address=address, now=now)
        raise Unauthorized("wrong user name or password")

    throttle.note_success(attempt, standing, now=now)
    if not user.is_active:
        raise Denied(f"the account {username!r} is disabled; ask an administrator")
    return user


def _note_login(by: Actor, kind: str, *, door: str, now: datetime) -> None:
    """Clients log in with every pull, so of one account, address and door once an hour is told."""
    key = [by.address, door]
    if notice(by, f"{kind}.login", by.name, once_in=NOTE_LOGIN_EVERY, key=key, now=now, door=door):
        logger.info("%s logged in from %s at %s", by.name, by.address or "nowhere known", door)


def _persons() -> QuerySet[Any]:
    """People, with what decides about their logins beside the password as two more attributes."""
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
    verified = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
    return User.objects.annotate(
        has_second_factor=Exists(factors), has_verified_address=Exists(verified)
    )


def _refuse_unverified(user: User, *, is_verified: bool) -> None:
    """What pages ask for before all else is asked for at every door."""
    if settings.BERTH.FEATURE_MAILING and user.email and not is_verified:
        raise Denied(
            f"the e-mail address of {user.username!r} is not verified yet: sign in to the web"
            " page, which sends a code to it"
        )


def _fail(attempt: Attempt, account: str, *, address: str, now: datetime) -> None:
    """Count a failure, and leave a trace of it once a minute.

    ``account`` is the name of one that exists, else empty: what people type into the field for
    the name may be a password.
    """
    throttle.count_failure(attempt, now=now)
    key = attempt.account_key if account else attempt.address_key
    if throttle.is_failure_to_note(key, now=now):
        whom = account or "an unknown account"
        logger.warning("a login as %s from %s failed", whom, address or "an unknown address")
        Actor(account or "anonymous", address).did("user.sign-in.fail", account, now=now)


def principal_of(user: User) -> Principal:
    """Whom a person who has proved who they are stands for."""
    return Principal(
        "user",
        id=user.pk,
        name=user.username,
        is_superuser=user.is_superuser,
        stamp=user.get_session_auth_hash()[:STAMP_LENGTH],
    )


def current_principal(
    *, kind: str, id: int, token_id: int | None, stamp: str = "", now: datetime
) -> Principal | None:
    """The same caller as the database has them now.

    None when the account is disabled or gone, its token revoked or expired, or its
    password changed: a bearer token that was issued to them is then worth nothing.
    """
    if kind == "anonymous":
        return ANONYMOUS
    if token_id is not None:
        token = _tokens().filter(pk=token_id).first()
        if token is None or token.has_expired(now) or not _is_active(token):
            return None
        principal = _bearer(token)
        return principal if (principal.kind, principal.id) == (kind, id) else None
    if kind == "user":
        user = _persons().filter(pk=id, is_active=True).first()
        person = principal_of(user) if user else None
        # A password that bought a token before there was a second factor is not enough any more.
        if user is None or person is None or (stamp and user.has_second_factor):
            return None
        return person if stamp in ("", person.stamp) else None
    robot = Robot.objects.select_related("namespace__user").filter(pk=id).first()
    return _machine(robot) if robot and _is_robot_active(robot) else None


def issue_robot_token(
    *, robot: Robot, now: datetime, expires_at: datetime | None = None, by: Actor = SYSTEM
) -> str:
    """Give a robot a new token and make its old one worthless. The secret is returned once."""
    secret = _new_secret()
    with transaction.atomic():
        Robot.objects.select_for_update().get(pk=robot.pk)
        robot.tokens.all().delete()
        robot.tokens.create(
            title="token",
            sha256=_fingerprint(secret),
            scope=TokenScope.ADMIN,
            created_at=now,
            expires_at=expires_at,
        )
        by.did("robot.token.issue", robot.name, now=now)
        bump_access_epoch()
    return secret


def holds_token(*, robot: Robot, secret: str) -> bool:
    """Whether ``secret`` is the robot's token, as it was shown when it was made."""
    return robot.tokens.filter(sha256=_fingerprint(secret)).exists()


def issue_application_token(
    *,
    user: User,
    title: str,
    scope: Scope,
    expires_at: datetime | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> str:
    """Give a user one more token, which may do at most ``scope``. The secret is returned once."""
    secret = _new_secret()
    with transaction.atomic():
        user.tokens.create(
            title=title[:255],
            sha256=_fingerprint(secret),
            scope=TokenScope(scope),
            created_at=now,
            expires_at=expires_at,
        )
        by.did("user.token.issue", user.username, now=now, title=title[:255], scope=scope)
    return secret


def revoke_token(*, token: AccessToken, now: datetime, by: Actor = SYSTEM) -> None:
    """Make a token worthless at once, also for bearer tokens it has already bought."""
    with transaction.atomic():
        token.delete()
        by.did("token.revoke", str(token.user or token.robot), now=now, title=token.title)
        bump_access_epoch()


def delete_expired(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` of each: dead tokens, old throttles, used codes, invitations that
    nobody answered, retired keys.

    An expired token is kept for a while, so that its robot is told that it expired.
    """
    due = AccessToken.objects.expired(at=now - KEEP_EXPIRED_TOKENS)
    return (
        delete_first(due, by="expires_at", limit=limit)
        + throttle.delete_forgotten(now=now, limit=limit)
        + delete_used_codes(now=now, limit=limit)
        + delete_ended_values(now=now, limit=limit)
        + invitations.delete_expired(now=now, limit=limit)
        + keys.delete_retired(now=now)
    )


def _robot(name: str, secret: str, *, address: str, now: datetime) -> Principal:
    owner, _, short_name = name.partition("+")
    is_known_form = is_name(owner) and is_name(short_name)
    robots = Robot.objects.named(name) if is_known_form else Robot.objects.none()
    token = _tokens().filter(robot__in=robots).first()
    if token is None or not _opens(token, secret):
        attempt = Attempt.of(name, address=address)
        throttle.refuse_if_blocked(attempt, now=now)
        _fail(attempt, name if robots.exists() else "", address=address, now=now)
        raise Unauthorized("wrong robot name or token")
    return _by_right_token(token, now=now)


def _application(secret: str, *, address: str, now: datetime) -> Principal:
    """All applications share one name, so it is the token that stands for the account."""
    fingerprint = _fingerprint(secret)
    token = _tokens().filter(user__isnull=False, sha256=fingerprint).first()
    if token is None or not _opens(token, secret):
        attempt = Attempt.of(f"{APPLICATION} {fingerprint}", address=address)
        throttle.refuse_if_blocked(attempt, now=now)
        _fail(attempt, "", address=address, now=now)
        raise Unauthorized("unknown or revoked application token")
    return _by_right_token(token, now=now)


def _opens(token: AccessToken, secret: str) -> bool:
    return hmac.compare_digest(token.sha256, _fingerprint(secret))


def _token_of(username: str, secret: str) -> AccessToken | None:
    """The application token of that user with that secret.

    Nobody guesses one of 256 bits, so failures before do not count. What is no such token may be
    a password all the same.
    """
    if not secret.startswith(TOKEN_PREFIX) or not is_name(username):
        return None
    return _tokens().filter(user__username=username, sha256=_fingerprint(secret)).first()


def _by_right_token(token: AccessToken, *, now: datetime) -> Principal:
    if token.has_expired(now):
        raise Unauthorized("this token has expired; ask for a new one")
    if not _is_active(token):
        raise Denied(f"the account {str(token.user or token.robot)!r} or its owner is disabled")
    _note_use(token, now=now)
    return _bearer(token)


def _tokens() -> QuerySet[AccessToken]:
    """Tokens with all that decides about them, in one query."""
    return AccessToken.objects.select_related("user", "robot__namespace__user").order_by("pk")


def _is_active(token: AccessToken) -> bool:
    if token.robot is None:
        return token.user is not None and token.user.is_active
    return _is_robot_active(token.robot)


def _is_robot_active(robot: Robot) -> bool:
    """Disabled persons have disabled robots. An organization has no user to be disabled."""
    owner: User | None = getattr(robot.namespace, "user", None)
    return robot.is_active and (owner is None or owner.is_active)


def _bearer(token: AccessToken) -> Principal:
    """Whom a token stands for. Below a ceiling nobody is a superuser."""
    scope = cast("Scope", token.scope)
    if token.robot is not None:
        machine = _machine(token.robot)
        return replace(machine, token_id=token.pk, scope=scope, expires_at=token.expires_at)
    person = principal_of(cast("User", token.user))
    is_superuser = person.is_superuser and scope == "admin"
    return replace(
        person,
        token_id=token.pk,
        scope=scope,
        is_superuser=is_superuser,
        expires_at=token.expires_at,
        stamp="",
    )


def _machine(robot: Robot) -> Principal:
    return Principal("robot", id=robot.pk, name=robot.name)


def _note_use(token: AccessToken, *, now: datetime) -> None:
    """Write down the use at most once a minute: reading must not turn into writing."""
    if token.last_used_at is not None and token.last_used_at > now - NOTE_USE_EVERY:
        return
    try:
        with transaction.atomic():
            AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
    except DatabaseError as error:  # a full disk or a standby, say, which can be read still
        logger.warning("the use of a token was not noted: %s", error)


def _new_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
