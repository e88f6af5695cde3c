"""Pages as a visitor asks for them."""

from django.test import Client

from accounts.users.models import User

BACKEND = "accounts.credentials.backends.PasswordBackend"


def browser(user: User | None = None, *, checks_csrf: bool = False) -> Client:
    """A browser in which ``user`` is signed in, or nobody."""
    client = Client(enforce_csrf_checks=checks_csrf)
    if user is not None:
        client.force_login(user, backend=BACKEND)
    return client
