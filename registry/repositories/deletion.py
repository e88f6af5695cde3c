"""Delete repositories and organizations, and bring repositories back while that is possible.

A deleted repository is hidden from everybody at once, its name is free, and its content stays
until it cannot be undeleted any more. Then garbage collection removes it, piece by piece."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.organizations.models import Organization
from accounts.organizations.services import dissolve
from accounts.users.models import Namespace
from accounts.users.services import bump_access_epoch
from artifacts.oci.lifetimes import parse_lifetime
from registry.events.kinds import EventType
from registry.events.outbox import has_hooks, note
from registry.repositories.models import Repository, RepositoryQuerySet
from registry.repositories.services import RepositoryExists

ROWS_PER_TRANSACTION = 500


class RepositoryGone(AccountError):
    """It is too late to bring the repository back, or to delete it."""


def delete_repository(*, repository: Repository, now: datetime, by: Actor = SYSTEM) -> None:
    """Hide a repository with everything in it, until it is undeleted or removed.

    Tokens for it end at once, also when a repository of the same name is created again. A push
    that is under way ends as if it had come before.

    Raises ``RepositoryGone`` when somebody else has just deleted it.
    """
    with transaction.atomic():
        present = Repository.objects.filter(pk=repository.pk)
        if not present.update(deleted_at=now, deleted_by=by.name[:255]):
            raise RepositoryGone(f"{repository.path} has been deleted already")
        by.did("repository.delete", repository.path, now=now)
        note(EventType.REPOSITORY_DELETED, repository=repository, now=now, by=by)
        bump_access_epoch()
    repository.deleted_at = now


def undelete_repository(*, repository: Repository, now: datetime, by: Actor = SYSTEM) -> None:
    """Bring a deleted repository back as it was, with its tags, its rules and its rights.

    Raises:
        RepositoryGone: its time is over, or it is back already.
        RepositoryExists: another has its name now.
    """
    try:
        with transaction.atomic():
            if not restorable(now).filter(pk=repository.pk).update(deleted_at=None, deleted_by=""):
                raise RepositoryGone(f"{repository.path} cannot be undeleted any more")
            by.did("repository.undelete", repository.path, now=now)
            note(EventType.REPOSITORY_UNDELETED, repository=repository, now=now, by=by)
            bump_access_epoch()
    except IntegrityError as error:
        raise RepositoryExists(
            f"there is another repository {repository.path} now; delete that one first"
        ) from error
    repository.deleted_at = None


def remove_for_good(*, repository: Repository, now: datetime, by: Actor = SYSTEM) -> None:
    """Let the next run of garbage collection remove a deleted repository: nobody wants it back.

    Raises ``RepositoryGone`` when it is back, or being removed already.
    """
    with transaction.atomic():
        if not restorable(now).filter(pk=repository.pk).update(removal_began_at=now):
            raise RepositoryGone(f"{repository.path} is back, or being removed already")
        by.did("repository.remove", repository.path, now=now)


def lifetime_of_deleted() -> timedelta:
    return parse_lifetime(settings.BERTH.DELETED_REPOSITORY_EXPIRATION)


def restorable(now: datetime) -> RepositoryQuerySet:
    """Deleted repositories that can be undeleted at ``now``."""
    return Repository.deleted.filter(
        removal_began_at=None, deleted_at__gt=now - lifetime_of_deleted()
    )


def doomed(now: datetime) -> RepositoryQuerySet:
    """Deleted repositories that nobody can undelete any more: all that is not ``restorable``."""
    return Repository.deleted.filter(
        Q(removal_began_at__isnull=False) | Q(deleted_at__lte=now - lifetime_of_deleted())
    )


def begin_removal(*, repository: Repository, now: datetime) -> bool:
    """See to it that nobody can undelete it from here on; ``False`` when somebody just has.

    Written down, so that nothing half empty comes back when the configuration changes.
    """
    doomed(now).filter(pk=repository.pk, removal_began_at=None).update(removal_began_at=now)
    return Repository.deleted.filter(pk=repository.pk, removal_began_at__isnull=False).exists()


@dataclass(frozen=True, slots=True)
class Contents:
    """How much there is in an organization that may be deleted."""

    repositories: int
    deleted_repositories: int
    teams: int
    robots: int


def contents_of(organization: Organization) -> Contents:
    namespace = organization.namespace
    return Contents(
        repositories=Repository.objects.filter(namespace=namespace).count(),
        deleted_repositories=Repository.deleted.filter(namespace=namespace).count(),
        teams=organization.teams.count(),
        robots=namespace.robots.count(),
    )


def delete_organization(*, organization: Organization, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete an organization, its repositories, teams and robots. None of it can be undeleted.

    Many repositories go in several transactions, and the organization after them: if this ends
    half way, do it again. Garbage collection takes away what the repositories held.
    """
    namespace = organization.namespace
    _delete_repositories(namespace, now, by)
    dissolve(organization=organization, now=now, by=by)
    _delete_repositories(namespace, now, by)  # what somebody made meanwhile


def _delete_repositories(namespace: Namespace, now: datetime, by: Actor) -> None:
    rows = Repository.objects.filter(namespace=namespace).order_by("-pk")
    newest = rows.values_list("pk", flat=True).first() or 0  # those made later are not waited for
    while _delete_some(namespace, newest, now, by):
        pass
    restorable = Repository.deleted.filter(namespace=namespace, removal_began_at=None)
    restorable.update(removal_began_at=now)


def _delete_some(namespace: Namespace, newest: int, now: datetime, by: Actor) -> bool:
    present = Repository.objects.filter(namespace=namespace, pk__lte=newest).order_by("pk")
    with transaction.atomic():
        rows = present.select_for_update(of=("self",)).values_list("pk", "path")
        paths = dict(rows[:ROWS_PER_TRANSACTION])
        Repository.objects.filter(pk__in=paths).update(
            deleted_at=now, deleted_by=by.name[:255], removal_began_at=now
        )
        for path in paths.values():
            by.did("repository.delete", path, now=now, organization=namespace.name)
        for repository in Repository.deleted.filter(pk__in=paths) if has_hooks() else ():
            note(EventType.REPOSITORY_DELETED, repository=repository, now=now, by=by)
        bump_access_epoch()
    return bool(paths)
