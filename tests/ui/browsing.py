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


def proved(client: Client, password: str) -> Client:
    """The same browser, in which whoever is signed in has just proved it once more."""
    answer = client.post("/account/reauthenticate/", {"password": password})
    assert answer.status_code == 302
    return client
