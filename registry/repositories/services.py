"""Create repositories, say who may use them, delete them."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.errors import AccountError
from accounts.organizations.models import DefaultPermission, Team
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import bump_access_epoch
from artifacts.policy.models import ArtifactPolicy
from registry.repositories.models import Repository, RepositoryGrant, Role, SignatureRequirement
from registry.repositories.paths import split_path


class RepositoryExists(AccountError):
    """There is a repository of that name."""


class NamespaceUnknown(AccountError):
    """Neither a user nor an organization has that name."""


def create_repository(
    *, path: str, creator: Principal, is_public: bool, now: datetime, address: str = ""
) -> Repository:
    """Create ``path``; its creator may do everything in it, others what the organization says.

    Raises ``RepositoryExists`` and ``NamespaceUnknown``.
    """
    namespace_name, name = split_path(path)
    namespace = Namespace.objects.filter(name=namespace_name).first()
    if namespace is None:
        raise NamespaceUnknown(f"there is no user or organization {namespace_name}")
    try:
        with transaction.atomic():
            repository = Repository.objects.create(
                namespace=namespace,
                name=name,
                path=path,
                is_public=is_public,
                created_at=now,
                created_by="" if creator == ANONYMOUS else creator.key,
            )
            _grant_to_creator(repository, creator, now)
            _apply_default_permissions(repository, creator, now)
            Actor(creator.name or SYSTEM.name, address).did("repository.create", path, now=now)
    except IntegrityError as error:
        raise RepositoryExists(f"there is a repository {path} already") from error
    return repository


def find_or_create_repository(
    *, path: str, creator: Principal, is_public: bool, now: datetime, address: str = ""
) -> Repository:
    """The repository of that path; of two first pushes at once, one creates it."""
    try:
        return create_repository(
            path=path, creator=creator, is_public=is_public, now=now, address=address
        )
    except RepositoryExists:
        return Repository.objects.get(path=path)


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


def delete_repository(*, repository: Repository, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete a repository with everything in it; the bytes of its blobs go when nothing needs them.

    Tokens for it end at once, also when a repository of the same name is created again.
    """
    with transaction.atomic():
        path = repository.path
        repository.delete()
        by.did("repository.delete", path, now=now)
        bump_access_epoch()


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
