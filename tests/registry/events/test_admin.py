"""Hooks of the registry are made in the administration, and deliveries looked at."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from registry.events.models import Delivery, DeliveryState, Hook, HookState
from registry.events.secrets import Secrets
from registry.events.services import send_test
from tests.registry.builders import NOW, make_repository, make_user
from tests.registry.events.hooks import URL, make_hook
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db
ADD, LIST = reverse("admin:events_hook_add"), reverse("admin:events_hook_changelist")
FORM = {"format": "standard", "url": URL, "events": ["tag.pushed"], "syntax": "glob"}


@pytest.fixture
def admin() -> Client:
    return browser(make_user("root1", is_superuser=True))


def test_a_hook_of_the_registry_is_made_here_and_audited(admin: Client) -> None:
    answer = admin.post(ADD, {**FORM, "secret": "a long secret", "authorization": "token"})

    hook = Hook.objects.get()
    assert (answer.status_code, hook.place) == (302, "the registry")
    assert Secrets.unseal(hook.sealed).headers == {"Authorization": "token"}
    assert AuditEvent.objects.filter(action="hook.create", actor="root1").count() == 1


def test_what_cannot_be_is_said_in_the_form(admin: Client) -> None:
    answer = admin.post(ADD, {**FORM, "url": "http://127.0.0.1/"})

    assert "not a public address" in answer.content.decode()
    assert not Hook.objects.exists()


@pytest.mark.parametrize(
    ("action", "state"), [("pause", HookState.PAUSED), ("resume", HookState.ACTIVE)]
)
def test_hooks_are_paused_and_begin_anew(admin: Client, action: str, state: str) -> None:
    hook = make_hook(make_repository("acme/web"))
    Hook.objects.update(state=HookState.DISABLED)

    admin.post(LIST, {"action": action, "_selected_action": [hook.pk]})

    assert Hook.objects.get().state == state


def test_a_delivery_is_sent_again_here(admin: Client) -> None:
    delivery = send_test(hook=make_hook(make_repository("acme/web")), now=NOW)
    Delivery.objects.update(state=DeliveryState.DEAD)

    place = reverse("admin:events_delivery_changelist")
    admin.post(place, {"action": "again", "_selected_action": [delivery.pk]})

    assert Delivery.objects.get().state == DeliveryState.WAITING
