"""Who looks at a page, as the rooms below want to know it."""

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.http import HttpRequest

from accounts.audit.services import Actor
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import principal_of
from accounts.origin import address_of
from accounts.users.models import User


def ask_again(request: HttpRequest) -> None:
    """Have the visitor prove who they are, unless they did so some minutes ago.

    What they asked for is done right after it: a stolen session gets nothing that outlives it.
    """
    raise_if_reauthentication_required(request, app="allauth.account")


def user_of(request: HttpRequest) -> User | None:
    """The person who is signed in."""
    return request.user if request.user.is_authenticated else None


def visitor(user: User | None) -> Principal:
    return principal_of(user) if user is not None else ANONYMOUS


def actor(request: HttpRequest, user: User | None) -> Actor:
    """Who is written into the audit trail for what this request changes: ``user``, who need not
    be signed in yet, or nobody known."""
    name = user.username if user is not None else "anonymous"
    return Actor(name, address=address_of(request.META))
