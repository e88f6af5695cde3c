"""Events for people who look at their notices: one, a team, or who runs an organization."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q, QuerySet

from accounts.users.models import Namespace, User
from registry.events.models import Event, Hook, Notice

if TYPE_CHECKING:
    from registry.repositories.models import Repository

MOST_PEOPLE: Final = 1000  # of one target


def people_of(target: object, place: "Repository | Namespace") -> QuerySet[User]:
    """Whom a target stands for at a place, if they have anything to do with it.

    Args:
        target: ``{"kind": "user" | "team" | "org", "name": ...}``, as somebody sent it.
    """
    said: dict[str, Any] = target if isinstance(target, dict) else {}
    kind, name = said.get("kind"), said.get("name")
    namespace = place if isinstance(place, Namespace) else place.namespace
    people = User.objects.filter(is_active=True)
    if not isinstance(name, str):
        return people.none()
    here = Q(team_memberships__team__organization__namespace=namespace)
    match kind:
        case "user":
            near = here | Q(namespace=namespace)
            if not isinstance(place, Namespace):
                near |= Q(grants__repository=place.pk)
            return people.filter(near, username=name).distinct()
        case "team":
            return people.filter(here, team_memberships__team__name=name).distinct()
        case "org" if name == namespace.name:
            return people.filter(here, team_memberships__team__role="admin").distinct()
    return people.none()


def notice(hook: Hook, events: Sequence[Event]) -> None:
    """Leave a notice for everybody whom the hook's target stands for now; twice is once."""
    place = hook.repository or hook.namespace
    if place is None:
        return
    people = people_of(hook.options.get("target"), place).order_by("pk")
    chosen = list(people.values_list("pk", flat=True)[:MOST_PEOPLE])
    rows = [Notice(user_id=pk, event=event) for event in events for pk in chosen]
    Notice.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
