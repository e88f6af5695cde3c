"""Who looks at a page, as the rooms below want to know it."""

from django.http import HttpRequest

from accounts.audit.services import Actor
from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import principal_of
from accounts.origin import address_of
from accounts.users.models import User


def user_of(request: HttpRequest) -> User | None:
    """The person who is signed in."""
    return request.user if request.user.is_authenticated else None


def visitor(request: HttpRequest) -> Principal:
    user = user_of(request)
    return principal_of(user) if user is not None else ANONYMOUS


def actor(request: HttpRequest) -> Actor:
    """Who is written into the audit trail for what this request changes."""
    return Actor(visitor(request).name or "anonymous", address=address_of(request.META))
