"""Create repositories, say what they are for and who may use them."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, F, Q, Value, When

from accounts import statements
from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.errors import AccountError
from accounts.organizations.models import DefaultPermission, Team
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import bump_access_epoch
from artifacts.oci.errors import NameUnknown, TooManyRequests, Unauthorized
from artifacts.policy.models import ArtifactPolicy
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.repositories.models import (
    NamePart,
    Repository,
    RepositoryGrant,
    Role,
    SignatureRequirement,
    Star,
)
from registry.repositories.paths import name_parts, split_path

logger = logging.getLogger(__name__)

NOTE_PUSH_EVERY = timedelta(minutes=1)
MAX_DESCRIPTION_LENGTH = 64 * 1024  # what pages and programs may send
MAX_WORDS_LENGTH = 1000  # of what content says that it is
MOST_STARS = 10_000  # of one person
_TRIES = 5


class RepositoryExists(AccountError):
    """There is a repository of that name."""


class NamespaceUnknown(AccountError):
    """Neither a user nor an organization has that name."""


class CreatorGone(AccountError):
    """The account that asks for the repository has been deleted since it logged in."""


class TooManyStars(AccountError):
    """More than ``MOST_STARS``."""


@contextmanager
def while_it_exists(repository: Repository) -> Iterator[None]:
    """Around a transaction: whoever comes after a repository was removed for good is told so.

    Only at the commit does the database find that a new row names one that is gone.
    """
    try:
        yield
    except IntegrityError:
        managers = (Repository.objects, Repository.deleted)
        if any(manager.filter(pk=repository.pk).exists() for manager in managers):
            raise
        reason = f"there is no repository {repository.path}"
        raise NameUnknown(reason, name=repository.path) from None


def create_repository(
    *,
    path: str,
    creator: Principal,
    is_public: bool,
    description: str = "",
    now: datetime,
    address: str = "",
) -> Repository:
    """Create ``path``; its creator may do everything in it, others what the organization says.

    Raises ``RepositoryExists``, ``NamespaceUnknown`` and ``CreatorGone``.
    """
    namespace_name, name = split_path(path)
    namespaces = Namespace.objects.held().filter(name=namespace_name)
    namespace = namespaces.first()
    if namespace is None:
        raise NamespaceUnknown(f"there is no user or organization {namespace_name}")
    with transaction.atomic():
        _keep(namespace)
        if not namespaces.exists():
            raise NamespaceUnknown(f"there is no organization {namespace_name} any more")
        _keep_creator(creator)
        repository = Repository(
            namespace=namespace,
            name=name,
            path=path,
            is_public=is_public,
            description=description,
            created_at=now,
            last_pushed_at=now,
            created_by="" if creator == ANONYMOUS else creator.key,
        )
        try:
            repository.save(force_insert=True)
        except IntegrityError as error:  # this statement breaks no other rule than that of names
            raise RepositoryExists(f"there is a repository {path} already") from error
        NamePart.objects.bulk_create(
            NamePart(repository=repository, text=text) for text in name_parts(path)
        )
        _grant_to_creator(repository, creator, now)
        _apply_default_permissions(repository, creator, now)
        by = Actor(creator.name or SYSTEM.name, address)
        by.did("repository.create", path, now=now)
        note(EventType.REPOSITORY_CREATED, repository=repository, now=now, by=by)
    return repository


def find_or_create_repository(
    *, path: str, creator: Principal, is_public: bool, now: datetime, address: str = ""
) -> Repository:
    """The repository of that path; of two first pushes at once, one creates it.

    Raises:
        NameUnknown: its organization has been deleted since the caller was let through.
        Unauthorized: the caller has.
        TooManyRequests: it is created and deleted again as fast as we look.
    """
    for _ in range(_TRIES):
        try:
            return create_repository(
                path=path, creator=creator, is_public=is_public, now=now, address=address
            )
        except RepositoryExists:
            if repository := Repository.objects.filter(path=path).first():
                return repository
            # Deleted since: the name is free again.
        except NamespaceUnknown as error:
            raise NameUnknown(str(error), name=path) from error
        except CreatorGone as error:
            raise Unauthorized(str(error)) from error
        except IntegrityError:
            logger.info("whoever was to have rights in %s is gone; once more without", path)
    raise TooManyRequests(f"{path} is created and deleted all the time", retry_after_seconds=1)


def note_push(
    *, repository: Repository, kind: str, is_content: bool, now: datetime, by: Actor = SYSTEM
) -> None:
    """Remember who pushed when, at most once a minute, and what kind of thing it was.

    The last statement of a push: who pushes at the same time waits for this row only until then.

    Args:
        is_content: whether the repository holds this ``kind`` from now on. What only goes with
            something else says what the repository holds while nothing else is there.
    """
    is_known = repository.kind == kind if is_content else repository.kind != ""
    if is_known and repository.last_pushed_at > now - NOTE_PUSH_EVERY:
        return
    unless_known = Case(When(kind="", then=Value(kind)), default=F("kind"))
    Repository.objects.filter(
        Q(last_pushed_at__lte=now - NOTE_PUSH_EVERY)
        | (~Q(kind=kind) if is_content else Q(kind="")),
        pk=repository.pk,
    ).update(
        kind=Value(kind) if is_content else unless_known,
        last_pushed_at=max(now, repository.last_pushed_at),
        last_pushed_by="" if by == SYSTEM else by.name[:255],
    )


def note_words(*, repository: Repository, words: Iterable[str]) -> None:
    """Remember what the content says that it is, each in a line, so that search finds it.

    Content that says nothing leaves what was said before.
    """
    text = "\n".join(filter(None, words))[:MAX_WORDS_LENGTH]
    if text:
        Repository.objects.filter(pk=repository.pk).exclude(words=text).update(words=text)


def grant(
    *,
    repository: Repository,
    role: Role,
    holder: User | Robot | Team,
    now: datetime,
    by: Actor = SYSTEM,
) -> RepositoryGrant:
    """Give a user, a robot or a team a role; it takes the place of the role they had."""
    with transaction.atomic():
        given, _ = RepositoryGrant.objects.update_or_create(
            repository=repository,
            **{_column(holder): holder},
            defaults={"role": role},
            create_defaults={"role": role, "created_at": now},
        )
        by.did("repository.grant", repository.path, now=now, role=role, holder=str(holder))
        note(
            EventType.RIGHTS_GRANTED,
            repository=repository,
            now=now,
            by=by,
            holder=str(holder),
            holder_kind=_column(holder),
            role=str(role),
        )
        bump_access_epoch()
    return given


def revoke(*, given: RepositoryGrant, now: datetime, by: Actor = SYSTEM) -> None:
    holder = str(given.user or given.robot or given.team)
    with transaction.atomic():
        given.delete()
        by.did("repository.revoke", given.repository.path, now=now, holder=holder)
        bump_access_epoch()


def set_visibility(
    *, repository: Repository, is_public: bool, now: datetime, by: Actor = SYSTEM
) -> None:
    repository.is_public = is_public
    with transaction.atomic():
        repository.save(update_fields=["is_public"])
        by.did("repository.visibility", repository.path, now=now, public=is_public)
        bump_access_epoch()


def set_read_only(
    *, repository: Repository, is_read_only: bool, now: datetime, by: Actor = SYSTEM
) -> None:
    """Keep everybody from changing what it holds, or no longer; twice is once."""
    since = now if is_read_only else None
    others = Repository.objects.filter(pk=repository.pk, read_only_since__isnull=is_read_only)
    with transaction.atomic():
        if not others.update(read_only_since=since):
            return
        by.did("repository.state", repository.path, now=now, read_only=is_read_only)
        bump_access_epoch()  # no token says any more that one may push
    repository.read_only_since = since


def select_policy(
    *,
    repository: Repository,
    policy: ArtifactPolicy | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Say which artifacts it may hold; ``None``: what its organization says."""
    repository.artifact_policy = policy
    with transaction.atomic():
        repository.save(update_fields=["artifact_policy"])
        by.did(
            "repository.policy.select",
            repository.path,
            now=now,
            policy=policy.name if policy else None,
        )


def require_signatures(
    *,
    repository: Repository,
    requirement: SignatureRequirement,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Say whether a pull needs a valid signature, or only counts as if it did."""
    repository.signature_requirement = SignatureRequirement(requirement)
    with transaction.atomic():
        repository.save(update_fields=["signature_requirement"])
        by.did(
            "repository.signatures",
            repository.path,
            now=now,
            requirement=repository.signature_requirement,
        )


def describe(
    *, repository: Repository, description: str, now: datetime, by: Actor = SYSTEM
) -> None:
    """Say in Markdown what the repository is for."""
    repository.description = description
    with transaction.atomic():
        repository.save(update_fields=["description"])
        by.did("repository.description", repository.path, now=now, length=len(description))


def star(*, repository: Repository, user: User) -> None:
    """Let a person find a repository again; twice is once. Raises ``TooManyStars``."""
    if Star.objects.filter(user=user).count() >= MOST_STARS:
        raise TooManyStars(f"{user.username} has {MOST_STARS} stars, which is the most")
    Star.objects.get_or_create(repository=repository, user=user)


def unstar(*, repository: Repository, user: User) -> None:
    Star.objects.filter(repository=repository, user=user).delete()


def _keep(namespace: Namespace) -> None:
    """Wait for a deletion of the organization that is under way, and hold up the next one.

    SQLite has one writer at a time.
    """
    if connection.features.has_select_for_update:
        statements.execute(
            "SELECT id FROM users_namespace WHERE id = %s FOR KEY SHARE", [namespace.pk]
        )


def _keep_creator(creator: Principal) -> None:
    """Wait for a deletion of the account that is under way, and hold up the next one.

    Raises ``CreatorGone``. The database would say the same at the commit, but not of whom.
    """
    if creator.kind == "anonymous":
        return
    table = "users_user" if creator.kind == "user" else "users_robot"
    lock = " FOR KEY SHARE" if connection.features.has_select_for_update else ""
    statement = f"SELECT id FROM {table} WHERE id = %s{lock}"  # noqa: S608 - made of constants
    if not statements.rows(statement, [creator.id]):
        raise CreatorGone(f"the account {creator.name} has been deleted")


def _grant_to_creator(repository: Repository, creator: Principal, now: datetime) -> None:
    owner = Namespace.objects.filter(pk=repository.namespace_id, user=creator.id).exists()
    if creator.kind == "anonymous" or (creator.kind == "user" and owner):
        return
    RepositoryGrant.objects.create(
        repository=repository,
        role=Role.ADMIN,
        created_at=now,
        **{f"{creator.kind}_id": creator.id},
    )


def _apply_default_permissions(repository: Repository, creator: Principal, now: datetime) -> None:
    user_id = creator.id if creator.kind == "user" else None
    for default in DefaultPermission.objects.filter(
        organization__namespace=repository.namespace_id
    ).order_by("pk"):
        if default.activating_user_id not in (None, user_id):
            continue
        holder = {
            "user_id": default.delegate_user_id,
            "robot_id": default.delegate_robot_id,
            "team_id": default.delegate_team_id,
        }
        RepositoryGrant.objects.get_or_create(
            repository=repository,
            **holder,
            defaults={"role": default.role, "created_at": now},
        )


def _column(holder: User | Robot | Team) -> str:
    match holder:
        case User():
            return "user"
        case Robot():
            return "robot"
        case Team():
            return "team"
