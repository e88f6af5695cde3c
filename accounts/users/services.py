"""Making and changing users and robots, and claiming names for them.

Every change of who may do what bumps the access epoch, as the last statement of its
transaction: that row is locked by all such changes, so holding it briefly keeps them apart.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import (
    EmailRefused,
    LastSuperuser,
    MetadataRefused,
    NameTaken,
    NotEmpty,
    RobotExists,
)
from accounts.names import RESERVED, check_name, check_namespace_name, is_name
from accounts.statements import Prepared
from accounts.users.models import AccessEpoch, Namespace, Robot, User
from accounts.users.passwords import check_new_password
from artifacts.policy.configured import configured_policy
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.rules import Policy

# Reserved for pages, but also what the first administrator is called.
ADMINISTRATOR: Final = "admin"

LONGEST_SUGGESTION: Final = 40
MAX_METADATA_LENGTH: Final = 4096  # of a robot, as JSON
_NOT_ALLOWED: Final = re.compile(r"[^a-z0-9]++")


def create_user(
    *,
    username: str,
    password: str | None,
    email: str = "",
    is_superuser: bool = False,
    must_change_password: bool = False,
    now: datetime,
    by: Actor = SYSTEM,
) -> User:
    """Make a person's account. A superuser may also open the administration pages.

    Args:
        email: may be that of other accounts too; of all that name it, one can verify it.
        password: None for somebody whom another service signs in.
        must_change_password: whether the pages ask for another password before all else.

    Raises:
        AccountError: ``NameRefused``, ``NameTaken``, ``PasswordRefused`` or ``EmailRefused``;
            nothing was made.
    """
    if not (is_superuser and username == ADMINISTRATOR):
        check_namespace_name(username)
    check_email(email)
    user = User(
        username=username,
        email=email,
        is_superuser=is_superuser,
        is_staff=is_superuser,
        must_change_password=must_change_password,
        date_joined=now,
    )
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(check_new_password(password, user=user))

    with transaction.atomic():
        user.namespace = claim_namespace(name=username, now=now)
        user.save(force_insert=True)
        by.did("user.create", username, now=now, superuser=is_superuser)
        bump_access_epoch()
    return user


def claim_namespace(*, name: str, now: datetime) -> Namespace:
    """Take a name for a user or an organization. Of two that ask at once, one gets it."""
    try:
        with transaction.atomic():
            return Namespace.objects.create(name=name, created_at=now)
    except IntegrityError:
        raise NameTaken(name) from None


def suggest_name(wanted: str) -> str:
    """A valid name that is free now, as near to ``wanted`` as can be."""
    ascii_only = unicodedata.normalize("NFKD", wanted[:255]).encode("ascii", "ignore").decode()
    stem = _NOT_ALLOWED.sub("-", ascii_only.lower()).strip("-")[:LONGEST_SUGGESTION].strip("-")
    stem = stem if is_name(stem) else f"user-{stem}".strip("-")
    taken = set(
        Namespace.objects.filter(name__startswith=stem).values_list("name", flat=True)
    ).union(RESERVED)
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(name for name in candidates if name not in taken)


def change_password(*, user: User, password: str, now: datetime, by: Actor = SYSTEM) -> None:
    user.set_password(check_new_password(password, user=user))
    user.must_change_password = False
    with transaction.atomic():
        user.save(update_fields=["password", "must_change_password"])
        by.did("user.password.change", user.username, now=now)
        bump_access_epoch()


def lend_password(*, user: User, password: str, now: datetime, by: Actor = SYSTEM) -> None:
    """Give a password that its owner has to change before all else."""
    user.set_password(check_new_password(password, user=user))
    user.must_change_password = True
    with transaction.atomic():
        user.save(update_fields=["password", "must_change_password"])
        by.did("user.password.change", user.username, now=now, lent=True)
        bump_access_epoch()


def change_email(*, user: User, email: str, now: datetime, by: Actor = SYSTEM) -> None:
    """Where mail is sent, nobody has verified the new address: the next sign-in asks for that."""
    check_email(email)
    user.email = email
    with transaction.atomic():
        user.save(update_fields=["email"])
        EmailAddress.objects.filter(user=user).exclude(email__iexact=email).delete()
        by.did("user.email.change", user.username, now=now)


def delete_user(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete an account with its robots, its tokens and its memberships.

    Nobody gets its name again: whoever still pulls ``name/image`` must not be handed what
    a stranger put there.

    Raises:
        AccountError: ``LastSuperuser`` or ``NotEmpty``; nothing was deleted.
    """
    name = user.username
    with transaction.atomic():
        _refuse_without_superuser(leaving=user)
        namespace = Namespace.objects.select_for_update().get(pk=user.namespace_id)
        Robot.objects.filter(namespace=namespace).delete()
        user.delete()
        try:
            namespace.delete()
        except ProtectedError:
            raise NotEmpty(name) from None
        claim_namespace(name=name, now=now)
        by.did("user.delete", name, now=now)
        bump_access_epoch()


def disable_user(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    """Keep a person and their robots out, at once. Nothing of theirs is deleted."""
    with transaction.atomic():
        _refuse_without_superuser(leaving=user)
        _set_user_active(user, is_active=False)
        by.did("user.disable", user.username, now=now)
        bump_access_epoch()


def enable_user(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        _set_user_active(user, is_active=True)
        by.did("user.enable", user.username, now=now)
        bump_access_epoch()


def make_superuser(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        _set_superuser(user, is_superuser=True)
        by.did("user.superuser.grant", user.username, now=now)
        bump_access_epoch()


def unmake_superuser(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    with transaction.atomic():
        _refuse_without_superuser(leaving=user)
        _set_superuser(user, is_superuser=False)
        by.did("user.superuser.revoke", user.username, now=now)
        bump_access_epoch()


def create_robot(
    *,
    owner: Namespace,
    short_name: str,
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
    now: datetime,
    by: Actor = SYSTEM,
) -> Robot:
    """Make ``owner+short_name``. It cannot log in before a token is issued for it.

    Args:
        metadata: JSON that programs want to find again.

    Raises ``NameRefused``, ``RobotExists`` and ``MetadataRefused``; nothing was made.
    """
    check_name(short_name)
    if metadata and len(json.dumps(metadata)) > MAX_METADATA_LENGTH:
        raise MetadataRefused(MAX_METADATA_LENGTH)
    robot = Robot(
        namespace=owner,
        short_name=short_name,
        description=description[:255],
        metadata=metadata or None,
        created_at=now,
    )
    with transaction.atomic():
        try:
            with transaction.atomic():
                robot.save(force_insert=True)
        except IntegrityError:
            raise RobotExists(robot.name) from None
        by.did("robot.create", robot.name, now=now)
    return robot


def describe_robot(*, robot: Robot, description: str, now: datetime, by: Actor = SYSTEM) -> None:
    robot.description = description[:255]
    with transaction.atomic():
        robot.save(update_fields=["description"])
        by.did("robot.description", robot.name, now=now)


def disable_robot(*, robot: Robot, now: datetime, by: Actor = SYSTEM) -> None:
    _set_robot_active(robot, is_active=False, action="robot.disable", now=now, by=by)


def enable_robot(*, robot: Robot, now: datetime, by: Actor = SYSTEM) -> None:
    _set_robot_active(robot, is_active=True, action="robot.enable", now=now, by=by)


def delete_robot(*, robot: Robot, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete a robot with its token, its memberships and its grants."""
    name = robot.name
    with transaction.atomic():
        robot.delete()
        by.did("robot.delete", name, now=now)
        bump_access_epoch()


def select_policy(
    *, user: User, policy: ArtifactPolicy | None, now: datetime, by: Actor = SYSTEM
) -> None:
    """Say which artifacts their repositories may hold; ``None``: what the configuration says."""
    namespace = user.namespace
    namespace.artifact_policy = policy
    with transaction.atomic():
        namespace.save(update_fields=["artifact_policy"])
        name = policy.name if policy else None
        by.did("user.policy.select", user.username, now=now, policy=name)


def namespace_policy(namespace: Namespace) -> Policy:
    """Which artifacts its repositories may hold where they select no other policy.

    Its own policy or the configuration's. Reads ``artifact_policy``: select it with the row.
    """
    if namespace.artifact_policy:
        source = f"selected by {namespace.name}"
        return namespace.artifact_policy.as_policy(source)
    return configured_policy()


def bump_access_epoch() -> None:
    """Tell everybody who remembers a decision that it may no longer hold."""
    if not AccessEpoch.objects.filter(pk=1).update(value=F("value") + 1):
        AccessEpoch.objects.get_or_create(pk=1, defaults={"value": 1})
        AccessEpoch.objects.filter(pk=1).update(value=F("value") + 1)


def access_epoch() -> int:
    """The number of changes of rights so far. A remembered decision is good only for its own."""
    for (value,) in _EPOCH.rows():
        epoch: int = value
        return epoch
    return 1


_EPOCH: Final = Prepared(lambda: AccessEpoch.objects.values_list("value"))


def check_email(email: str) -> None:
    """Refuse what is no e-mail address. None at all is fine."""
    if not email:
        return
    try:
        validate_email(email)
    except ValidationError:
        raise EmailRefused(email) from None


def _refuse_without_superuser(*, leaving: User) -> None:
    """Lock the superusers, so that the last two cannot leave at the same time."""
    superusers = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    remaining = set(superusers.order_by("pk").values_list("pk", flat=True))
    if remaining == {leaving.pk}:
        raise LastSuperuser


def _set_user_active(user: User, *, is_active: bool) -> None:
    user.is_active = is_active
    user.save(update_fields=["is_active"])


def _set_superuser(user: User, *, is_superuser: bool) -> None:
    user.is_superuser = user.is_staff = is_superuser
    user.save(update_fields=["is_superuser", "is_staff"])


def _set_robot_active(
    robot: Robot, *, is_active: bool, action: str, now: datetime, by: Actor
) -> None:
    robot.is_active = is_active
    with transaction.atomic():
        robot.save(update_fields=["is_active"])
        by.did(action, robot.name, now=now)
        bump_access_epoch()
