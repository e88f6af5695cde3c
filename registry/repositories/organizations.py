"""Delete organizations with all they have."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.organizations.models import Organization
from accounts.organizations.services import dissolve
from accounts.users.models import Namespace
from accounts.users.services import bump_access_epoch
from registry.repositories.models import Repository

ROWS_PER_TRANSACTION = 500


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
        chosen = present.select_for_update(of=("self",)).values_list("pk", "path")
        paths = dict(chosen[:ROWS_PER_TRANSACTION])
        Repository.objects.filter(pk__in=paths).update(
            deleted_at=now, deleted_by=by.name[:255], removal_began_at=now
        )
        for path in paths.values():
            by.did("repository.delete", path, now=now, organization=namespace.name)
        bump_access_epoch()
    return bool(paths)
