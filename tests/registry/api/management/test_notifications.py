"""Hooks as the clients of Quay make, list, try and remove them."""

from typing import Any

import pytest
from django.test import Client

from registry.events.kinds import EventType
from registry.events.models import Delivery, Hook, Notice
from registry.events.secrets import Secrets
from registry.repositories.models import Repository
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import hold, image, make_repository, push
from tests.registry.events.hooks import bring, make_hook

pytestmark = pytest.mark.django_db
PATH = "/repository/acme/web/notification/"
WEBHOOK = {"url": "http://hooks.example.com/x?secret=s"}
FIELDS = {"uuid", "title", "event", "method", "config", "event_config", "number_of_failures"}


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def owner(web: Repository) -> Client:
    return Client(headers=token("acme-owner"), raise_request_exception=False)


def made(owner: Client, path: str = PATH, **changed: Any) -> tuple[int, Any]:
    said = {"event": "repo_push", "method": "webhook", "config": WEBHOOK, "eventConfig": {}}
    return ask(owner, "POST", path, {**said, **changed})


def test_what_was_made_is_given_back_as_it_was_sent(owner: Client) -> None:
    status, answer = made(owner, title="t1")

    assert (status, set(answer)) == (201, FIELDS)
    assert {name: answer[name] for name in FIELDS - {"uuid"}} == {
        "title": "t1",
        "event": "repo_push",
        "method": "webhook",
        "config": WEBHOOK,
        "event_config": {},
        "number_of_failures": 0,
    }
    assert ask(owner, "GET", PATH)[1] == {"notifications": [answer]}
    assert ask(owner, "GET", f"{PATH}{answer['uuid']}")[1] == answer


@pytest.mark.parametrize(
    ("changed", "form"),
    [
        ({}, "quay"),
        ({"config": {**WEBHOOK, "template": '{"t":"${updated_tags}"}'}}, "template"),
        ({"config": {**WEBHOOK, "format": "cloudevents"}}, "cloudevents"),
        ({"method": "slack"}, "slack"),
        ({"event": "repo_image_expiry", "eventConfig": {"days": 10}, "method": "slack"}, "slack"),
        ({"event": "vulnerability_found", "eventConfig": {"level": 3}}, "quay"),
        ({"event": "repo_mirror_sync_failed", "method": "slack"}, "slack"),
        (
            {
                "method": "quay_notification",
                "config": {"target": {"name": "acme-owner", "kind": "user"}},
            },
            "bell",
        ),
        (
            {
                "method": "quay_notification",
                "config": {"target": {"name": "owners", "kind": "team"}},
            },
            "bell",
        ),
    ],
)
def test_each_method_has_its_format(owner: Client, changed: dict[str, Any], form: str) -> None:
    status, answer = made(owner, **changed)

    assert (status, Hook.objects.get().format) == (201, form)
    assert answer["config"] == changed.get("config", WEBHOOK)
    assert answer["event_config"] == changed.get("eventConfig", {})


@pytest.mark.parametrize(
    "changed",
    [
        {"event": "bogus"},
        {"event": "build_success"},
        {"event": None},
        {"method": "hipchat"},
        {"method": "pigeon"},
        {"method": None},
        {"config": None},
        {"config": []},
        {"config": {}},
        {"config": {"url": "ftp://x"}},
        {"config": {"url": 7}},
        {"config": {"url": "http://127.0.0.1/"}},
        {"config": {**WEBHOOK, "format": "bogus"}},
        {"config": {**WEBHOOK, "template": "{"}},
        {"config": {**WEBHOOK, "headers": {"Host": "x"}}},
        {"config": {**WEBHOOK, "headers": ["x"]}},
        {"event": "repo_image_expiry", "eventConfig": {"days": "soon"}},
        {"event": "repo_image_expiry", "eventConfig": {"days": 0}},
        {"method": "email", "config": {"email": "a@example.com"}},
        {"method": "quay_notification", "config": {"target": {"name": "nobody", "kind": "user"}}},
        {"method": "quay_notification", "config": {"target": "x"}},
        {"title": "a" * 101},
    ],
)
def test_what_cannot_be_is_400_and_makes_nothing(owner: Client, changed: dict[str, Any]) -> None:
    assert made(owner, **changed)[0] == 400
    assert not Hook.objects.exists()


def test_who_leaves_out_the_configuration_of_the_event_means_none(owner: Client) -> None:
    said = {"event": "repo_push", "method": "webhook", "config": WEBHOOK}

    assert ask(owner, "POST", PATH, said)[0] == 201


def test_secrets_go_in_and_never_out(owner: Client) -> None:
    config = {**WEBHOOK, "secret": "a long secret", "headers": {"Authorization": "token"}}

    _, answer = made(owner, config=config)

    known = Secrets.unseal(Hook.objects.get().sealed)
    assert (known.secret, known.headers) == ("a long secret", {"Authorization": "token"})
    assert answer["config"] == WEBHOOK


def test_failures_are_forgotten_on_request(owner: Client, web: Repository) -> None:
    hook = make_hook(web)
    Hook.objects.update(failures=7, state="disabled")

    assert ask(owner, "POST", f"{PATH}{hook.uuid}")[0] == 204
    assert list(Hook.objects.values_list("failures", "state")) == [(0, "active")]


def test_a_test_is_put_into_the_queue(owner: Client, web: Repository) -> None:
    hook = make_hook(web)

    assert ask(owner, "POST", f"{PATH}{hook.uuid}/test", {}) == (200, {})
    assert Delivery.objects.get().event.facts["is_test"] is True


def test_what_was_removed_is_not_there(owner: Client, web: Repository) -> None:
    hook = make_hook(web)

    answers = [
        ask(owner, method, f"{PATH}{hook.uuid}")[0] for method in ("DELETE", "DELETE", "GET")
    ]

    assert answers == [204, 400, 404]


def test_a_hook_of_another_place_is_not_there(owner: Client, web: Repository) -> None:
    other = make_hook(make_repository("acme/other"))

    assert ask(owner, "GET", f"{PATH}{other.uuid}")[0] == 404


def test_an_organization_and_a_person_have_theirs(owner: Client) -> None:
    paths = ("/organization/acme/notifications", "/user/namespacenotifications")

    for path in paths:
        assert made(owner, path, event="quota_warning")[0] == 201
        assert len(ask(owner, "GET", path)[1]["notifications"]) == 1


def test_a_hook_of_the_pages_has_words_that_clients_know(owner: Client, web: Repository) -> None:
    make_hook(web, format_name="harbor", events=(EventType.TAG_DELETED, EventType.TAG_MOVED))

    (shown,) = ask(owner, "GET", PATH)[1]["notifications"]

    assert (shown["event"], shown["method"]) == ("repo_push", "webhook")
    assert shown["config"]["format"] == "harbor"


def test_a_team_can_be_told_before_anybody_is_in_it(owner: Client) -> None:
    ask(owner, "PUT", "/organization/acme/team/later", {"role": "member"})

    config = {"target": {"name": "later", "kind": "team"}}
    assert made(owner, method="quay_notification", config=config)[0] == 201


def test_a_notice_is_left_for_whom_it_is_about(owner: Client, web: Repository) -> None:
    made(owner, method="quay_notification", config={"target": {"name": "acme", "kind": "org"}})
    hold(web, b"{}")
    push(web, image(b"{}"), "v1")

    bring()
    bring()

    assert Notice.objects.count() == 1
    (notice,) = ask(owner, "GET", "/user/notifications")[1]["notifications"]
    assert (notice["kind"], notice["metadata"]["tag"]) == ("tag.pushed", "v1")
