"""Every event reaches its hooks, whatever is killed and whatever receivers do."""

import contextlib
import itertools
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from standardwebhooks import Webhook

from accounts.mail.models import OutgoingMail
from registry.events import delivery
from registry.events.delivery import DELAYS, LEASE, MOST_WAITING, deliver_due, fan_out
from registry.events.kinds import EventType
from registry.events.models import Delivery, DeliveryState, Event, Hook, HookState
from registry.events.notices import notices_of
from registry.events.outbox import note
from registry.events.secrets import Secrets
from registry.events.services import (
    HookTerms,
    change_hook,
    pause_hook,
    remove_hook,
    resume_hook,
    send_again,
    send_dead_again,
    send_test,
)
from registry.repositories.models import Repository
from tests.receiver import Receiver, breaks_off, says
from tests.registry.builders import NOW, make_organization, make_repository
from tests.registry.events.hooks import ALICE, bring, make_hook

pytestmark = pytest.mark.django_db
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


def happen(web: Repository, *tags: str, kind: EventType = EventType.TAG_PUSHED) -> None:
    for tag in tags:
        note(kind, repository=web, now=NOW, by=ALICE, tag=tag, digest="sha256:" + "a" * 64)


def tags(receiver: Receiver) -> list[str]:
    return [json.loads(body)["data"]["tag"] for body in receiver.bodies]


def the_delivery() -> Delivery:
    return Delivery.objects.get()


def test_events_arrive_in_their_order(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url)
    happen(web, "a", "b", "c")

    bring()

    assert tags(receiver) == ["a", "b", "c"]


def test_what_was_delivered_is_not_sent_again(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url)
    happen(web, "a")

    bring()
    bring(NOW + timedelta(days=1))

    assert tags(receiver) == ["a"]
    assert the_delivery().state == DeliveryState.DELIVERED


def test_hooks_of_the_repository_its_organization_and_the_registry_are_told(
    web: Repository, receiver: Receiver
) -> None:
    for place, path in ((web, "/r"), (web.namespace, "/n"), (None, "/all")):
        make_hook(place, url=receiver.url + path)
    happen(web, "a")

    bring()

    assert {line.split()[1] for line in receiver.heard} == {"/r", "/n", "/all"}


def test_a_hook_is_told_only_what_it_asked_for(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url, pattern="v*")
    happen(web, "v1", "latest")
    happen(web, "v2", kind=EventType.TAG_DELETED)

    bring()

    assert tags(receiver) == ["v1"]
    assert Event.objects.count() == 1  # what nobody wants is not kept


def test_standard_webhooks_verify_what_is_sent(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url, secret=SECRET)
    happen(web, "a")

    delivery.fan_out(now=NOW, limit=10)
    bring_now()

    sent = Webhook(SECRET).verify(receiver.bodies[0], receiver.headers[0])
    assert sent["data"]["tag"] == "a"


def test_during_a_day_both_secrets_of_a_change_verify(web: Repository, receiver: Receiver) -> None:
    hook = make_hook(web, url=receiver.url, secret=SECRET)
    now = current()
    terms = HookTerms(format="standard", events=(EventType.TAG_PUSHED,), url=receiver.url)
    change_hook(hook=hook, terms=terms, secret="a new secret", now=now)
    happen(web, "a")

    bring_now()

    Webhook(SECRET).verify(receiver.bodies[0], receiver.headers[0])
    assert len(receiver.headers[0]["webhook-signature"].split()) == 2


def test_a_changed_hook_keeps_its_secret_and_its_headers_unless_they_are_given(
    web: Repository,
) -> None:
    hook = make_hook(web, secret=SECRET, headers={"Authorization": "token"})
    terms = HookTerms(format="quay", events=(EventType.TAG_PUSHED,), url="https://other.example/")

    change_hook(hook=hook, terms=terms, now=NOW)

    known = Secrets.unseal(Hook.objects.get().sealed)
    assert (known.secret, known.headers) == (SECRET, {"Authorization": "token"})


def test_the_other_signatures_are_over_the_bytes_that_are_sent(
    web: Repository, receiver: Receiver
) -> None:
    import hashlib
    import hmac

    make_hook(web, url=receiver.url, secret="typed by a person")
    happen(web, "a")

    bring()

    expected = hmac.new(b"typed by a person", receiver.bodies[0], hashlib.sha256).hexdigest()
    headers = receiver.headers[0]
    assert headers["X-Hub-Signature-256"] == headers["X-Signature"] == f"sha256={expected}"


def test_headers_of_the_hook_go_with_each_call(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url, headers={"Authorization": "s3cr3t", "X-Team": "ops"})
    happen(web, "a")

    bring()

    headers = receiver.headers[0]
    assert (headers["Authorization"], headers["X-Team"]) == ("s3cr3t", "ops")
    assert headers["X-Berth-Event"] == "tag.pushed"


def test_what_fails_is_tried_again_later_and_later_with_the_same_id(
    web: Repository, receiver: Receiver
) -> None:
    make_hook(web, url=receiver.url)
    receiver.answer = says(500)
    happen(web, "a")

    now, waits = NOW, []
    for _ in range(len(DELAYS)):
        bring(now)
        row = the_delivery()
        waits.append(row.next_at - now)
        now = row.next_at
        Hook.objects.update(resting_until=None, failing_since=None)

    assert all(
        0.79 * delay < wait < 1.21 * delay + timedelta(seconds=5)
        for wait, delay in zip(waits, DELAYS, strict=True)
    )
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 1
    bring(now)
    assert the_delivery().state == DeliveryState.DEAD


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (says(400), 3),
        (says(404), 3),
        (says(302, Location="http://127.0.0.1/"), 3),
        (says(408), 11),
        (says(429), 11),
        (says(503), 11),
        (breaks_off, 11),
    ],
)
def test_how_often_an_answer_is_worth_another_try(
    web: Repository, receiver: Receiver, answer: Callable[[Any], None], tries: int
) -> None:
    make_hook(web, url=receiver.url)
    receiver.answer = answer
    happen(web, "a")

    now = NOW
    for _ in range(20):
        bring(now)
        now = the_delivery().next_at
        Hook.objects.update(resting_until=None, failing_since=None)

    assert (the_delivery().state, len(receiver.heard)) == (DeliveryState.DEAD, tries)


@pytest.mark.parametrize(("wish", "wait"), [("600", 600), ("9999999", 86_400), ("-1", 5)])
def test_a_receiver_may_wish_for_time(
    web: Repository, receiver: Receiver, wish: str, wait: int
) -> None:
    make_hook(web, url=receiver.url)
    receiver.answer = says(429, Retry_After=wish)
    happen(web, "a")

    bring()

    assert abs((the_delivery().next_at - NOW).total_seconds() - wait) < max(2, wait * 0.05)


def test_a_receiver_that_is_gone_for_good_is_told_nothing_more(
    web: Repository, receiver: Receiver
) -> None:
    make_hook(web, url=receiver.url)
    receiver.answer = says(410)
    happen(web, "a", "b")

    bring()

    assert (Hook.objects.get().state, len(receiver.heard)) == (HookState.DISABLED, 1)
    assert set(Delivery.objects.values_list("state", flat=True)) == {
        DeliveryState.DEAD,
        DeliveryState.SKIPPED,
    }


def test_an_address_that_is_refused_is_told_in_the_delivery(
    web: Repository, receiver: Receiver, settings: Settings
) -> None:
    make_hook(web, url=receiver.url)
    settings.OUTGOING_ALLOWED_NETWORKS = []
    happen(web, "a")

    bring()

    assert "not a public address" in the_delivery().error
    assert receiver.heard == []


def test_a_failing_delivery_does_not_hold_up_the_next(web: Repository, receiver: Receiver) -> None:
    def first_fails(handler: Any) -> None:
        says(200 if len(receiver.heard) > 1 else 500)(handler)

    make_hook(web, url=receiver.url)
    receiver.answer = first_fails
    happen(web, "a", "b")

    bring()

    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["delivered", "waiting"]


def test_one_hook_that_fails_does_not_hold_up_another(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url + "/bad")
    make_hook(web, url=receiver.url + "/good")
    receiver.answer = lambda handler: says(500 if "bad" in handler.path else 200)(handler)
    happen(web, "a")

    bring()

    assert Delivery.objects.get(hook__url__endswith="good").state == DeliveryState.DELIVERED


def test_a_hook_that_goes_on_failing_rests_and_is_asked_now_and_then(
    web: Repository, receiver: Receiver
) -> None:
    hook = make_hook(web, url=receiver.url)
    Hook.objects.update(failures=20, failing_since=NOW - timedelta(hours=2))
    receiver.answer = says(500)
    happen(web, "a", "b", "c")
    fan_out(now=NOW, limit=10)
    hook.refresh_from_db()

    bring()
    heard = len(receiver.heard)
    bring(NOW + timedelta(minutes=1))
    assert len(receiver.heard) == heard
    bring(NOW + timedelta(minutes=6))

    assert len(receiver.heard) == heard + 1


def test_a_hook_that_recovers_has_not_failed(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url)
    Hook.objects.update(failures=20, failing_since=NOW - timedelta(hours=2), resting_until=NOW)
    happen(web, "a")

    bring()

    hook = Hook.objects.get()
    assert (hook.failures, hook.failing_since, hook.resting_until) == (0, None, None)


def test_after_days_of_failures_a_hook_is_disabled_and_its_maker_told(
    web: Repository, receiver: Receiver, settings: Settings
) -> None:
    from accounts.users.services import change_email
    from tests.registry.builders import make_user

    settings.FEATURE_MAILING = True
    change_email(user=make_user("alice"), email="alice@example.com", now=NOW)
    make_hook(web, url=receiver.url)
    Hook.objects.update(failures=20, failing_since=NOW - timedelta(days=5))
    receiver.answer = says(500)
    happen(web, "a")

    bring()

    assert Hook.objects.get().state == HookState.DISABLED
    assert OutgoingMail.objects.get().recipient == "alice@example.com"


def test_a_hook_that_has_too_much_to_hear_skips_what_is_new(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MOST_WAITING", 2)
    make_hook(web)
    happen(web, "a", "b", "c")

    fan_out(now=NOW, limit=10)

    assert MOST_WAITING > 2
    states = Delivery.objects.order_by("event_id").values_list("state", flat=True)
    assert list(states) == ["waiting", "waiting", "skipped"]


def test_a_host_is_not_asked_more_often_than_it_can_bear(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CALLS_A_MINUTE", 3)
    make_hook(web, url=receiver.url)
    happen(web, "a", "b", "c", "d", "e")

    bring()

    assert tags(receiver) == ["a", "b", "c"]


def test_of_a_host_that_was_asked_often_enough_no_delivery_is_read(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        make_hook(web, url=f"{receiver.url}/{number}")
    happen(web, "a")
    fan_out(now=NOW, limit=10)
    monkeypatch.setattr(delivery, "CALLS_A_MINUTE", 0)

    with CaptureQueriesContext(connection) as captured:
        delivery.deliver_due(now=NOW)

    assert len(captured) == 1


def test_a_host_that_was_asked_often_enough_takes_no_place_of_another(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_hook(web, url="https://busy.example/")
    make_hook(web, url=receiver.url)
    happen(web, "a")
    monkeypatch.setattr(delivery, "_HOOKS_A_ROUND", 1)
    delivery._budget.left["busy.example:443"] = 0.0, time.monotonic()

    bring()

    assert tags(receiver) == ["a"]


def test_hooks_of_one_host_share_what_it_may_be_asked(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CALLS_A_MINUTE", 4)
    for path in ("/one", "/other"):
        make_hook(web, url=receiver.url + path)
    happen(web, "a", "b", "c", "d")

    bring()

    assert sorted(line.split()[1] for line in receiver.heard) == [
        "/one",
        "/one",
        "/other",
        "/other",
    ]


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> list[str]:
    """What was looked up, under names that stand for nothing."""
    asked: list[str] = []

    def look(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return asked


def test_hooks_that_lead_to_a_name_that_is_not_known_share_one_look(
    web: Repository, away: list[str]
) -> None:
    for number in range(5):
        make_hook(web, url=f"https://gone.example/{number}")
    happen(web, "a", "b")
    bring()  # as many as one host is called at once
    away.clear()

    bring(NOW + timedelta(seconds=6))

    assert away == ["gone.example"]


def test_where_nothing_takes_the_connection_no_other_hook_is_tried(
    web: Repository, receiver: Receiver
) -> None:
    port = _closed_port()
    for number in range(5):
        make_hook(web, url=f"http://127.0.0.1:{port}/{number}")
    happen(web, "a")

    bring()

    assert Delivery.objects.filter(tries__gt=0).count() == delivery.CALLS_TO_A_HOST


def test_a_hook_of_another_port_of_the_host_is_told(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=f"http://127.0.0.1:{_closed_port()}/")
    make_hook(web, url=receiver.url)
    happen(web, "a")
    bring()
    happen(web, "b")

    bring()

    assert tags(receiver) == ["a", "b"]


@pytest.mark.parametrize("address", ["http://a.example/", "https://a.example:8443/"])
def test_another_port_of_a_host_that_is_away_is_no_reason_to_rest(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    make_hook(web, url=address)
    other = make_hook(web, url="https://A.example/")
    monkeypatch.setattr(
        delivery, "_send", lambda hook, *_: delivery.Result(is_unreached=hook.pk != other.pk)
    )
    happen(web, "a")

    bring()

    assert Hook.objects.get(pk=other.pk).resting_until is None


@pytest.mark.parametrize("address", ["https://A.example/", "https://a.example:443?a"])
def test_one_port_is_one_host_however_it_is_written(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    make_hook(web, url="https://a.example/b")
    other = make_hook(web, url=address)
    monkeypatch.setattr(
        delivery, "_send", lambda hook, *_: delivery.Result(is_unreached=hook.pk != other.pk)
    )
    happen(web, "a")

    bring()

    assert Hook.objects.get(pk=other.pk).resting_until is not None


@pytest.mark.parametrize(
    ("away_for", "rest"), [(0, 5), (8, 5), (120, 30), (3600, 60)], ids=lambda seconds: f"{seconds}s"
)
def test_the_longer_a_host_is_away_the_longer_it_is_left_alone(
    web: Repository, away: list[str], away_for: int, rest: int
) -> None:
    make_hook(web, url="https://gone.example/")
    failing_since = NOW - timedelta(seconds=away_for) if away_for else None
    Hook.objects.update(failing_since=failing_since)
    happen(web, "a")

    bring()

    resting_until = Hook.objects.get().resting_until
    assert resting_until is not None
    assert round((resting_until - NOW).total_seconds()) == rest


def test_a_hook_that_rests_longer_is_not_woken_by_its_host(
    web: Repository, away: list[str]
) -> None:
    for number in range(2):
        make_hook(web, url=f"https://gone.example/{number}")
    later = NOW + timedelta(minutes=5)
    Hook.objects.filter(url__endswith="/0").update(resting_until=later)
    happen(web, "a")

    bring()

    assert Hook.objects.get(url__endswith="/0").resting_until == later


def test_all_is_told_once_a_host_is_back(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_hook(web, url=f"{receiver.url}/{number}")
    happen(web, "a", "b")
    with monkeypatch.context() as context:
        context.setattr(socket, "create_connection", _refuses)
        bring()

    while delivery.deliver_due(now=NOW + timedelta(minutes=1)):
        pass

    assert sorted(tags(receiver)) == ["a"] * 4 + ["b"] * 4


def test_how_much_waits_is_asked_once_for_all_hooks(web: Repository) -> None:
    def statements() -> int:
        happen(web, "a")
        with CaptureQueriesContext(connection) as captured:
            fan_out(now=NOW, limit=10)
        return len(captured)

    make_hook(web)
    of_one = statements()
    for _ in range(4):
        make_hook(web)

    assert statements() == of_one


def test_what_begins_together_is_taken_in_one_transaction(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for port in range(4):
        make_hook(web, url=f"https://gone-{port}.example/")
    happen(web, "a")
    fan_out(now=NOW, limit=10)
    monkeypatch.setattr(delivery, "_send", lambda *_: delivery.Result(200))

    with CaptureQueriesContext(connection) as captured:
        delivery.deliver_due(now=NOW)

    said = [row["sql"] for row in captured]
    begun = next(number for number, sql in enumerate(said) if sql.startswith("SAVEPOINT"))
    ended = next(number for number, sql in enumerate(said) if sql.startswith("RELEASE"))
    assert sum('"tries" + 1' in sql for sql in said[begun:ended]) == 4


def _refuses(*_: Any, **__: Any) -> Any:
    raise ConnectionRefusedError


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_two_workers_send_once(
    web: Repository, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_hook(web, url=receiver.url)
    happen(web, "a")
    fan_out(now=NOW, limit=10)
    seen_by_other = Delivery.objects.select_related("event").get()

    bring()

    assert delivery._take([seen_by_other], now=NOW) == []


def test_a_test_is_sent_like_an_event(web: Repository, receiver: Receiver) -> None:
    hook = make_hook(web, url=receiver.url)

    send_test(hook=hook, now=NOW, by=ALICE)
    bring()

    document = json.loads(receiver.bodies[0])
    assert (document["type"], document["data"]["is_test"]) == ("registry.ping", True)


def test_a_delivery_is_sent_again_with_the_same_id(web: Repository, receiver: Receiver) -> None:
    hook = make_hook(web, url=receiver.url)
    happen(web, "a")
    bring()

    send_again(deliveries=[the_delivery().pk], hook=hook, now=NOW)
    bring()

    assert len({headers["webhook-id"] for headers in receiver.headers}) == 1
    assert len(receiver.heard) == 2


def test_what_was_given_up_is_sent_again_when_a_hook_begins_anew(
    web: Repository, receiver: Receiver
) -> None:
    hook = make_hook(web, url=receiver.url)
    receiver.answer = says(410)
    happen(web, "a")
    bring()
    receiver.answer = says(200)
    hook.refresh_from_db()

    resume_hook(hook=hook, with_dead=True, now=NOW)
    bring()

    assert the_delivery().state == DeliveryState.DELIVERED


def test_a_stretch_of_time_is_sent_again(web: Repository, receiver: Receiver) -> None:
    hook = make_hook(web, url=receiver.url)
    happen(web, "a")
    bring()

    day = timedelta(days=1)
    assert send_dead_again(hook=hook, since=NOW - day, until=NOW + day, now=NOW) == 1
    assert send_dead_again(hook=hook, since=NOW + day, until=NOW + 2 * day, now=NOW) == 0


def test_a_paused_hook_keeps_what_waits(web: Repository, receiver: Receiver) -> None:
    hook = make_hook(web, url=receiver.url)
    happen(web, "a")
    fan_out(now=NOW, limit=10)
    pause_hook(hook=hook, now=NOW)
    bring()
    assert receiver.heard == []

    resume_hook(hook=hook, now=NOW)
    bring()

    assert tags(receiver) == ["a"]


def test_a_hook_that_is_removed_while_something_waits_is_told_nothing(
    web: Repository, receiver: Receiver
) -> None:
    hook = make_hook(web, url=receiver.url)
    happen(web, "a")
    fan_out(now=NOW, limit=10)

    remove_hook(hook=hook, now=NOW)
    bring()

    assert (receiver.heard, Delivery.objects.count()) == ([], 0)


def test_people_get_one_message_about_many_events(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url, format_name="slack")
    happen(web, *(f"v{number}" for number in range(30)))

    bring()

    assert len(receiver.heard) == 1
    assert json.loads(receiver.bodies[0])["text"].startswith("30 events")
    assert not Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists()


def test_mail_goes_to_a_member_by_the_room_for_mail(settings: Settings) -> None:
    from accounts.users.services import change_email

    settings.FEATURE_MAILING = True
    organization = make_organization("acme")
    web = make_repository("acme/web")
    owner = organization.teams.get().members.get().user
    assert owner is not None
    change_email(user=owner, email="owner@example.com", now=NOW)
    make_hook(web, format_name="email", url="", options={"email": "owner@example.com"})
    happen(web, "v1")

    bring()

    assert OutgoingMail.objects.get().subject == "Berth: alice pushed acme/web:v1"
    assert mail.outbox == []


def test_old_events_go_with_their_deliveries(web: Repository, receiver: Receiver) -> None:
    make_hook(web, url=receiver.url)
    happen(web, "a")
    bring()

    assert delivery.forget_old(now=NOW + timedelta(days=29), limit=10) == 0
    assert delivery.forget_old(now=NOW + timedelta(days=31), limit=10) == 1
    assert Delivery.objects.count() == 0


class Killed(BaseException):
    """As if the process had ended there."""


# In the transaction of the change; in that which makes deliveries, before and after their rows, and
# once it has ended; once one is taken; once it is sent and nothing says so yet; once that is said.
PLACES = ("change", "fan_out", "notices", "fanned_out", "take", "send", "record")


@given(
    kills=st.lists(st.sampled_from([*PLACES, "", ""]), max_size=12),
    bursts=st.lists(st.integers(0, 3), min_size=1, max_size=5),
)
def test_no_interleaving_of_kills_loses_an_event(
    monkeypatch: pytest.MonkeyPatch, kills: list[str], bursts: list[int]
) -> None:
    Delivery.objects.all().delete()
    Event.objects.all().delete()
    web = Repository.objects.filter(path="acme/web").first() or make_repository("acme/web")
    if not Hook.objects.exists():
        make_hook(web)
        make_hook(web.namespace)
    arrived: list[tuple[int, str]] = []
    plan = iter(kills)

    def reached(place: str) -> None:
        if killing.get("at") == place:
            killing.clear()
            raise Killed

    killing: dict[str, str] = {}
    real_deliveries, real_take, real_record = (
        delivery._deliveries,
        delivery._take,
        delivery._record,
    )

    def deliveries(*given: Any) -> Any:
        found = real_deliveries(*given)
        reached("fan_out")
        return found

    def notices(*given: Any) -> Any:
        reached("notices")
        return notices_of(*given)

    def take(*given: Any, **more: Any) -> Any:
        taken = real_take(*given, **more)
        reached("take")
        return taken

    def send(hook: Hook, events: Any, now: Any) -> delivery.Result:
        arrived.extend((hook.pk, event.facts["tag"]) for event in events)
        return delivery.Result(200)

    def record(*given: Any, **more: Any) -> None:
        reached("send")
        real_record(*given, **more)
        reached("record")

    monkeypatch.setattr(delivery, "_budget", delivery._Budget())
    for name, function in (
        ("_deliveries", deliveries),
        ("notices_of", notices),
        ("_take", take),
        ("_send", send),
        ("_record", record),
    ):
        monkeypatch.setattr(delivery, name, function)
    made: list[str] = []
    numbers = itertools.count()
    now = NOW
    for burst in [*bursts, *([0] * (len(kills) + 3))]:
        killing["at"] = next(plan, "")
        for _ in range(burst):
            tag = f"t{next(numbers)}"
            with contextlib.suppress(Killed), transaction.atomic():
                happen(web, tag)
                reached("change")
                made.append(tag)
        with contextlib.suppress(Killed):
            fan_out(now=now, limit=1000)
            reached("fanned_out")
            deliver_due(now=now)
        now += 2 * LEASE

    wanted = {(hook, tag) for hook in Hook.objects.values_list("pk", flat=True) for tag in made}
    assert set(arrived) == wanted
    assert not Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists()


def current() -> Any:
    from django.utils import timezone

    return timezone.now()


def bring_now() -> None:
    """The library for Standard Webhooks compares with the clock of the machine."""
    bring(current())
