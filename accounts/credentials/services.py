"""Who a name and a secret belong to, and issuing and revoking tokens."""

import hashlib
import hmac
import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.audit.services import SYSTEM, Actor
from accounts.audit.sightings import notice
from accounts.credentials import keys, throttle
from accounts.credentials.ldap.directory import directory_person, is_in_directory
from accounts.credentials.models import (
    AccessToken,
    OAuthApplication,
    TokenScope,
    delete_first,
)
from accounts.credentials.passwords import hashing_slot, remembered, verify
from accounts.credentials.principals import (
    ANONYMOUS,
    OF_CEILING,
    SUPERUSER,
    Principal,
    Scope,
    ceiling_of,
    read_scopes,
)
from accounts.credentials.robots.readable import sealed
from accounts.credentials.second_factors import delete_used_codes
from accounts.credentials.shared_cache import delete_ended_values
from accounts.credentials.throttle import Attempt
from accounts.credentials.workloads.federation import federated, is_foreign, is_trusted_still
from accounts.credentials.workloads.foreign_tokens import TokenRefused
from accounts.names import is_name
from accounts.organizations import invitations
from accounts.statements import Prepared, moment
from accounts.users.models import Namespace, Robot, User
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
    user = _user_of(_PERSON_NAMED, username) if is_name(username) else None
    account = user.username if user else ""

    def refuse() -> NoReturn:
        _fail(attempt, account, address=address, now=now)
        raise Unauthorized("wrong user name or password")

    if is_in_directory(user):
        person = directory_person(username, password, address=address, now=now)
        user = _user_of(_PERSON, person.pk) if person else None
    elif not remembered.holds(user, password, now=now):
        with hashing_slot():
            # Look again: guesses sent all at once waited here, and each failure must
            # count before the next one is tried, and so before the place is free.
            standing = throttle.refuse_if_blocked(attempt, now=now)
            if not verify(user, password, now=now):
                refuse()
    if user is None:
        refuse()

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


_LOGIN_FIELDS: Final = (  # in the order of the model's fields
    *("id", "password", "is_superuser", "username", "email", "is_active"),
)
_COLUMNS: Final = (*_LOGIN_FIELDS, "has_second_factor", "has_verified_address")
_PERSON: Final = Prepared(lambda pk: _persons().filter(pk=pk).values_list(*_COLUMNS))
_PERSON_NAMED: Final = Prepared(
    lambda name: _persons().filter(username=name).values_list(*_COLUMNS)
)


def _user_of(prepared: Prepared, value: str | int) -> Any:
    """One of ``_persons`` with the fields that logins look at, or ``None``."""
    for *fields, has_second_factor, has_verified_address in prepared.rows(value):
        user: Any = User.from_db(None, _LOGIN_FIELDS, fields)
        user.is_superuser, user.is_active = bool(user.is_superuser), bool(user.is_active)
        user.has_second_factor = bool(has_second_factor)
        user.has_verified_address = bool(has_verified_address)
        return user
    return None


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
        token = _token(_TOKEN, token_id)
        if token is None or token.has_expired(now) or not _is_active(token):
            return None
        principal = _bearer(token)
        return principal if (principal.kind, principal.id) == (kind, id) else None
    if kind == "user":
        user = _user_of(_PERSON, id)
        # A password that bought a token before there was a second factor is not enough any more.
        if user is None or not user.is_active or (stamp and user.has_second_factor):
            return None
        person = principal_of(user)
        return person if stamp in ("", person.stamp) else None
    robot = Robot.objects.select_related("namespace__user").filter(pk=id).first()
    is_good = robot and _is_robot_active(robot) and is_trusted_still(robot, stamp)
    return replace(_machine(robot), stamp=stamp) if robot and is_good else None


def issue_robot_token(
    *, robot: Robot, now: datetime, expires_at: datetime | None = None, by: Actor = SYSTEM
) -> str:
    """Give a robot a new token and make its old one worthless. The secret is returned once, and
    kept for those who may read it again where ``ROBOT_TOKENS_READABLE`` says so."""
    secret = new_secret()
    with transaction.atomic():
        Robot.objects.select_for_update().get(pk=robot.pk)
        robot.tokens.all().delete()
        robot.tokens.create(
            title="token",
            sha256=fingerprint(secret),
            sealed=sealed(secret, robot=robot),
            scope=TokenScope.ADMIN,
            created_at=now,
            expires_at=expires_at,
        )
        by.did("robot.token.issue", robot.name, now=now)
        bump_access_epoch()
    return secret


def holds_token(*, robot: Robot, secret: str) -> bool:
    """Whether ``secret`` is the robot's token, as it was shown when it was made."""
    return robot.tokens.filter(sha256=fingerprint(secret)).exists()


def issue_application_token(
    *,
    user: User,
    title: str,
    scope: Scope = "admin",
    scopes: frozenset[str] = frozenset(),
    application: OAuthApplication | None = None,
    expires_at: datetime | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> str:
    """Give a user one more token, which may do at most ``scope``. The secret is returned once.

    Args:
        scopes: as ``read_scopes`` gives them; they say more exactly what it may be used for, and
            take the place of ``scope``.
        application: the program that it is for; it ends with that.
    """
    secret = new_secret()
    scope = ceiling_of(scopes) if scopes else scope
    words = " ".join(sorted(scopes))
    with transaction.atomic():
        user.tokens.create(
            title=title[:255],
            sha256=fingerprint(secret),
            scope=TokenScope(scope),
            scopes=words,
            application=application,
            created_at=now,
            expires_at=expires_at,
        )
        by.did("user.token.issue", user.username, now=now, title=title[:255], scope=words or scope)
    return secret


def application_token(secret: str) -> AccessToken | None:
    """The row of an application token, as its secret was shown when it was made."""
    return AccessToken.objects.filter(user__isnull=False, sha256=fingerprint(secret)).first()


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
    if is_known_form and is_foreign(name, secret):
        return _workload(name, secret, address=address, now=now)
    token = _token(_TOKEN_OF_ROBOT, owner, short_name) if is_known_form else None
    if token is None or not _opens(token, secret):
        attempt = Attempt.of(name, address=address)
        throttle.refuse_if_blocked(attempt, now=now)
        is_known = is_known_form and Robot.objects.named(name).exists()
        _fail(attempt, name if is_known else "", address=address, now=now)
        raise Unauthorized("wrong robot name or token")
    return _by_right_token(token, now=now)


def _workload(name: str, token: str, *, address: str, now: datetime) -> Principal:
    """What is wrong with the token is not said to whoever brings it; a page says it to those who
    administer the robot."""
    attempt = Attempt.of(name, address=address)
    throttle.refuse_if_blocked(attempt, now=now)
    robot = Robot.objects.named(name).select_related("namespace__user").first()
    try:
        principal = federated(robot, token, now=now) if robot else None
    except TokenRefused as error:
        logger.info("a token of a workload was refused as %s: %s", name, error)
        principal = None
    if robot is None or principal is None:
        _fail(attempt, name if robot else "", address=address, now=now)
        raise Unauthorized("wrong robot name or token")
    if not _is_robot_active(robot):
        raise Denied(f"the account {name!r} or its owner is disabled")
    return principal


def _application(secret: str, *, address: str, now: datetime) -> Principal:
    """All applications share one name, so it is the token that stands for the account."""
    known_by = fingerprint(secret)
    token = _token(_TOKEN_OF_APPLICATION, known_by)
    if token is None or not _opens(token, secret):
        attempt = Attempt.of(f"{APPLICATION} {known_by}", address=address)
        throttle.refuse_if_blocked(attempt, now=now)
        _fail(attempt, "", address=address, now=now)
        raise Unauthorized("unknown or revoked application token")
    return _by_right_token(token, now=now)


def _opens(token: AccessToken, secret: str) -> bool:
    return hmac.compare_digest(token.sha256, fingerprint(secret))


def _token_of(username: str, secret: str) -> AccessToken | None:
    """The application token of that user with that secret.

    Nobody guesses one of 256 bits, so failures before do not count. What is no such token may be
    a password all the same.
    """
    if not secret.startswith(TOKEN_PREFIX) or not is_name(username):
        return None
    return _token(_TOKEN_OF_USER, username, fingerprint(secret))


def _by_right_token(token: AccessToken, *, now: datetime) -> Principal:
    if token.has_expired(now):
        raise Unauthorized("this token has expired; ask for a new one")
    if not _is_active(token):
        raise Denied(f"the account {str(token.user or token.robot)!r} or its owner is disabled")
    _note_use(token, now=now)
    return _bearer(token)


def _tokens(**conditions: str | int | bool) -> QuerySet[AccessToken, Any]:
    """Tokens with all that decides about them, in one query."""
    owner = "robot__namespace__user"
    return AccessToken.objects.filter(**conditions).values_list(
        *("id", "sha256", "scope", "scopes", "expires_at", "last_used_at"),
        *("user_id", "user__username", "user__is_active", "user__is_superuser"),
        *("robot_id", "robot__short_name", "robot__is_active", "robot__namespace__name"),
        *(f"{owner}__id", f"{owner}__is_active"),
    )


_TOKEN: Final = Prepared(lambda pk: _tokens(pk=pk))
_TOKEN_OF_ROBOT: Final = Prepared(
    lambda owner, name: _tokens(robot__namespace__name=owner, robot__short_name=name)
)
_TOKEN_OF_APPLICATION: Final = Prepared(lambda sha256: _tokens(user__isnull=False, sha256=sha256))
_TOKEN_OF_USER: Final = Prepared(lambda name, sha256: _tokens(user__username=name, sha256=sha256))


def _token(prepared: Prepared, *values: str | int) -> AccessToken | None:
    """The one token that ``prepared`` finds, with its user, or its robot and the robot's owner."""
    for row in prepared.rows(*values):
        pk, sha256, scope, scopes, expires_at, last_used_at = row[:6]
        user_id, robot_id = row[6], row[10]
        token = AccessToken(pk=pk, sha256=sha256, scope=scope, scopes=scopes)
        token.expires_at = expires_at and moment(expires_at)
        token.last_used_at = last_used_at and moment(last_used_at)
        token.user = None if user_id is None else _person_of(*row[6:10])
        token.robot = None if robot_id is None else _robot_of(*row[10:])
        return token
    return None


def _person_of(pk: int, name: str, is_active: Any, is_superuser: Any = False) -> User:
    return User(pk=pk, username=name, is_active=bool(is_active), is_superuser=bool(is_superuser))


def _robot_of(
    pk: int, short_name: str, is_active: Any, owner: str, owner_id: int | None, is_owner_active: Any
) -> Robot:
    namespace = Namespace(name=owner)
    if owner_id is not None:
        namespace.user = _person_of(owner_id, owner, is_owner_active)
    return Robot(pk=pk, short_name=short_name, is_active=bool(is_active), namespace=namespace)


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
    person = cast("User", token.user)
    scopes = read_scopes(token.scopes) if token.scopes else OF_CEILING[scope]
    may_be_superuser = SUPERUSER in scopes if token.scopes else scope == "admin"
    return Principal(
        "user",
        id=person.pk,
        name=person.username,
        token_id=token.pk,
        scope=scope,
        scopes=scopes,
        is_superuser=person.is_superuser and may_be_superuser,
        expires_at=token.expires_at,
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


def new_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
