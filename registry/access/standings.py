"""What somebody is in a namespace: the rights of all that is about no single repository."""

from typing import Final, Literal

from accounts.credentials.principals import Principal
from accounts.organizations.models import TeamMember
from accounts.users.models import Namespace
from registry.access.rights import readable_repositories, sees_everything
from registry.repositories.models import administered_namespaces

# To see anything in it, to be one of its members, to be allowed to make repositories there, or to
# administer it.
Standing = Literal["visitor", "member", "creator", "administrator"]
ALL_STANDINGS: Final[frozenset[Standing]] = frozenset(
    {"visitor", "member", "creator", "administrator"}
)


def standings(principal: Principal, namespace: Namespace) -> frozenset[Standing]:
    """What ``principal`` is in a namespace; empty when it may not even know of it."""
    own_standings: set[Standing] = set()
    if _administers(principal, namespace):
        return ALL_STANDINGS
    roles = _roles(principal, namespace)
    if roles:
        own_standings |= {"visitor", "member"}
    if "creator" in roles:
        own_standings.add("creator")
    if readable_repositories(principal).filter(namespace=namespace).exists():
        own_standings.add("visitor")
    return frozenset(own_standings)


def _administers(principal: Principal, namespace: Namespace) -> bool:
    if principal.kind == "anonymous":
        return False
    if sees_everything(principal):
        return True
    return administered_namespaces(principal).filter(pk=namespace.pk).exists()


def _roles(principal: Principal, namespace: Namespace) -> set[str]:
    if principal.kind != "user":
        return set()
    memberships = TeamMember.objects.filter(
        user=principal.id, team__organization__namespace=namespace
    )
    return set(memberships.values_list("team__role", flat=True))
