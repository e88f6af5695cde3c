"""Leaving for good."""

from datetime import datetime

from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.organizations.models import Organization, TeamRole
from accounts.organizations.services import check_organization
from accounts.users.models import User
from accounts.users.services import delete_user


def delete_account(*, user: User, now: datetime, by: Actor = SYSTEM) -> None:
    """Delete a person's account with all that is only theirs. Its name stays taken.

    Raises:
        AccountError: ``LastOwner``, ``LastSuperuser`` or ``NotEmpty``; nothing was deleted.
    """
    owned = list(
        Organization.objects.select_related("namespace")
        .filter(teams__members__user=user, teams__role=TeamRole.ADMIN)
        .order_by("pk")
        .distinct()
    )
    with transaction.atomic():
        delete_user(user=user, now=now, by=by)
        for organization in owned:
            check_organization(organization)
