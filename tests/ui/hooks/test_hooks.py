"""Hooks on the pages: made, tried, changed, watched."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.users.models import Namespace, User
from registry.events.delivery import deliver_due
from registry.events.models import Delivery, DeliveryState, Hook, HookState
from registry.events.secrets import Secrets
from registry.events.services import HookTerms, create_hook, send_test
from registry.repositories.models import Repository
from tests.receiver import Receiver
from tests.registry.builders import NOW, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

HOOKS = "/acme/web/-/hooks"
NEW = "/acme/web/-/new-hook"
URL = "https://hooks.example.com/deploy?token=abc"


@pytest.fixture
def owner(repository: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with Receiver().listening() as listening:
        yield listening


def said(**more: Any) -> dict[str, Any]:
    """A filled form for a program."""
    terms = {"format": "standard", "url": URL, "events": ["tag.pushed"], "syntax": "glob"}
    return {**terms, "title": "Deploy", "days": 5, "secret": "none", **more}


def made(place: Repository | Namespace | None, **terms: Any) -> Hook:
    usual = {"format": "standard", "events": ["tag.pushed", "tag.expiring"], "url": URL}
    return create_hook(place=place, terms=HookTerms(**{**usual, **terms}), now=NOW)


def address(hook: Hook, rest: str = "") -> str:
    return f"{HOOKS}/{hook.uuid}{rest}"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# --- Made ---------------------------------------------------------------------------------------


def test_a_place_without_hooks_offers_the_first(owner: Client) -> None:
    shown = text(owner, HOOKS)

    assert "No hooks yet." in shown
    assert f'href="{NEW}"' in shown


def test_first_the_format_is_chosen(owner: Client) -> None:
    shown = text(owner, NEW)

    assert 'href="?format=quay"' in shown
    assert 'href="?format=slack"' in shown


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/acme/web/-/new-hook", "repository"),
        ("/acme/-/new-hook", "namespace"),
        ("/webhooks/new-hook", "registry"),
    ],
)
def test_a_hook_is_made_at_each_place(repository: Repository, path: str, place: str) -> None:
    person = User.objects.get(username="acme-owner")
    person.is_superuser = True
    person.save()

    browser(person).post(path, said())

    hook = Hook.objects.get()
    where = {"repository": hook.repository_id, "namespace": hook.namespace_id}
    assert {name for name, key in where.items() if key} == {place} - {"registry"}
    assert (hook.title, hook.url, hook.created_by) == ("Deploy", URL, "acme-owner")


def test_a_secret_that_is_made_is_shown_once(owner: Client) -> None:
    answer = owner.post(NEW, said(secret="make"))

    hook = Hook.objects.get()
    secret = Secrets.unseal(hook.sealed).secret
    assert secret.startswith("whsec_")
    assert secret in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret not in text(owner, address(hook))


def test_headers_are_sealed_and_only_named(owner: Client) -> None:
    owner.post(NEW, said(authorization="Bearer s3cret", header_name="X-Key", header_value="k3y"))

    hook = Hook.objects.get()
    assert Secrets.unseal(hook.sealed).headers == {"Authorization": "Bearer s3cret", "X-Key": "k3y"}
    shown = text(owner, address(hook))
    assert "<code>X-Key</code>" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["no.such"]}, "events"),
        ({"pattern": "(", "syntax": "regex"}, "pattern"),
        ({"days": 0}, "days"),
        ({"secret": "own"}, "own_secret"),
        ({"secret": "own", "own_secret": "short"}, "own_secret"),
        ({"header_name": "X-Key"}, "header_name"),
        ({"header_name": "Host", "header_value": "x"}, "authorization"),
        ({"format": "template", "template": "{"}, "template"),
        ({"format": "matrix", "room": "lobby"}, "room"),
        ({"format": "email", "email": "stranger@example.com"}, "email"),
        ({"format": "bell", "target_kind": "user", "target_name": "nobody"}, "target_name"),
    ],
)
def test_what_cannot_be_stands_beside_its_field(
    owner: Client, settings: Any, change: dict[str, Any], field: str
) -> None:
    settings.FEATURE_MAILING = True
    answer = owner.post(
        NEW, {**said(), **({"syntax": "regex"} if "pattern" in change else {}), **change}
    )

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not Hook.objects.exists()


def test_an_unknown_format_leads_back_to_the_choice(owner: Client) -> None:
    assert "Tell a program" in owner.post(NEW, said(format="pigeon")).content.decode()


def test_notices_are_left_for_a_person_of_the_place(owner: Client) -> None:
    owner.post(NEW, said(format="bell", target_kind="user", target_name="acme-owner"))

    assert Hook.objects.get().options["target"] == {"kind": "user", "name": "acme-owner"}


# --- Tried and watched --------------------------------------------------------------------------


ASKS_AGAIN = 'hx-trigger="load delay:1s"'


def test_the_outcome_of_a_test_is_answered_on_the_page(
    owner: Client, repository: Repository, receiver: Receiver
) -> None:
    hook = made(repository, url=receiver.url)

    answer = owner.post(address(hook), {"action": "test", "event": "tag.pushed"})
    before = text(owner, answer.headers["Location"])
    deliver_due(now=timezone.now())
    after = text(owner, answer.headers["Location"])

    assert "It waits to be sent." in before
    assert ASKS_AGAIN in before
    assert "The receiver answered 200 after" in after
    assert ASKS_AGAIN not in after
    assert receiver.headers[0]["X-Berth-Event"] == "tag.pushed"


def test_htmx_is_given_the_outcome_alone(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    delivery = send_test(hook=hook, now=timezone.now())

    answer = owner.get(address(hook, f"/deliveries/{delivery.pk}"), headers={"HX-Request": "true"})

    assert answer.content.decode().strip().startswith('<div id="outcome"')


def test_a_test_that_nobody_sends_says_so(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    delivery = send_test(hook=hook, now=NOW)

    assert "the jobs of this registry are slow" in text(
        owner, f"{address(hook)}?test={delivery.pk}"
    )


def test_a_delivery_shows_what_was_sent_and_what_came_back(
    owner: Client, repository: Repository, receiver: Receiver
) -> None:
    hook = made(repository, url=receiver.url)
    delivery = send_test(hook=hook, now=timezone.now())
    deliver_due(now=timezone.now())

    shown = text(owner, address(hook, f"/deliveries/{delivery.pk}"))

    assert "&quot;type&quot;: &quot;registry.ping&quot;" in shown
    assert "200 OK" in shown
    assert str(delivery.event.uuid) in shown


def test_a_delivery_is_sent_again(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    delivery = send_test(hook=hook, now=NOW)
    Delivery.objects.update(state=DeliveryState.DEAD, ended_at=NOW, tries=3)

    owner.post(address(hook), {"action": "again", "delivery": delivery.pk})

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (DeliveryState.WAITING, 0)


def test_all_that_were_given_up_are_sent_again(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    for _ in range(3):
        send_test(hook=hook, now=NOW)
    Delivery.objects.update(state=DeliveryState.DEAD, ended_at=NOW)

    owner.post(address(hook), {"action": "again-all"})

    assert Delivery.objects.filter(state=DeliveryState.WAITING).count() == 3


def test_a_delivery_of_another_hook_is_not_sent_again(
    owner: Client, repository: Repository
) -> None:
    hook, other = made(repository), made(repository)
    delivery = send_test(hook=other, now=NOW)
    Delivery.objects.update(state=DeliveryState.DEAD, ended_at=NOW)

    owner.post(address(hook), {"action": "again", "delivery": delivery.pk})

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DEAD


def test_deliveries_are_narrowed_to_one_state(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    send_test(hook=hook, now=NOW)

    assert "None is in that state." in text(owner, f"{address(hook)}?state=dead")


# --- Changed ------------------------------------------------------------------------------------


def test_a_change_keeps_what_is_secret(owner: Client, repository: Repository) -> None:
    owner.post(NEW, said(secret="own", own_secret="correct horse", authorization="Bearer s3cret"))
    hook = Hook.objects.get()

    owner.post(address(hook, "/change"), said(title="Other", secret="keep"))

    hook.refresh_from_db()
    known = Secrets.unseal(hook.sealed)
    assert hook.title == "Other"
    assert (known.secret, known.headers) == ("correct horse", {"Authorization": "Bearer s3cret"})


def test_headers_are_dropped_when_asked(owner: Client, repository: Repository) -> None:
    owner.post(NEW, said(authorization="Bearer s3cret"))
    hook = Hook.objects.get()

    owner.post(address(hook, "/change"), said(secret="keep", drops_headers="on"))

    hook.refresh_from_db()
    assert Secrets.unseal(hook.sealed).headers == {}


def test_a_refused_change_changes_nothing(owner: Client, repository: Repository) -> None:
    hook = made(repository, title="Deploy")

    answer = owner.post(address(hook, "/change"), said(title="Other", url="http://10.0.0.1/"))

    assert answer.status_code == 422
    hook.refresh_from_db()
    assert (hook.title, hook.url) == ("Deploy", URL)


def test_secrets_under_a_lost_key_are_given_anew(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    Hook.objects.update(sealed="unreadable")

    kept = owner.post(address(hook, "/change"), said(secret="keep"))
    anew = owner.post(address(hook, "/change"), said(secret="none", drops_headers="on"))

    assert (kept.status_code, anew.status_code) == (422, 302)
    hook.refresh_from_db()
    assert Secrets.unseal(hook.sealed) == Secrets()


def test_a_hook_is_paused_and_begun_anew(owner: Client, repository: Repository) -> None:
    hook = made(repository)
    states = []
    for action in ("pause", "resume"):
        owner.post(address(hook), {"action": action})
        hook.refresh_from_db()
        states.append(hook.state)

    assert states == [HookState.PAUSED, HookState.ACTIVE]


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        (0, "Nobody reaches the receiver's host."),
        (1, "The receiver has failed 1 time in a row since"),
        (12, "The receiver has failed 12 times in a row since"),
    ],
)
def test_a_hook_that_rests_says_why(
    failures: int, expected: str, owner: Client, repository: Repository
) -> None:
    hook = made(repository)
    failing_since = NOW if failures else None
    Hook.objects.update(failures=failures, failing_since=failing_since, resting_until=NOW)

    assert expected in text(owner, address(hook))


def test_a_hook_is_removed_after_a_question(owner: Client, repository: Repository) -> None:
    hook = made(repository, title="Deploy")

    asked = text(owner, address(hook, "/remove"))
    owner.post(address(hook, "/remove"))

    assert "Remove the hook Deploy" in asked
    assert not Hook.objects.exists()


# --- Who may ------------------------------------------------------------------------------------


def test_a_hook_is_found_at_its_own_place_alone(owner: Client, repository: Repository) -> None:
    hook = made(repository.namespace)

    assert owner.get(address(hook)).status_code == 404


def test_what_is_no_hook_is_not_found(owner: Client) -> None:
    assert owner.get(f"{HOOKS}/{uuid4()}").status_code == 404


def test_hooks_of_the_registry_are_for_superusers(owner: Client) -> None:
    assert owner.get("/webhooks/hooks").status_code == 403


def test_strangers_see_no_hooks(repository: Repository) -> None:
    assert browser(make_user()).get(HOOKS).status_code == 404


def test_the_list_asks_the_same_of_one_hook_and_of_many(
    owner: Client, repository: Repository, django_assert_num_queries: Any
) -> None:
    made(repository)
    owner.get(HOOKS)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        owner.get(HOOKS)
    for _ in range(5):
        made(repository)
    with CaptureQueriesContext(connection) as many:
        owner.get(HOOKS)

    assert len(many) == len(few)
