"""What each receiver is told, field by field, as its own documentation says it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from accounts.errors import AccountError
from accounts.outgoing.addresses import AddressRefused
from registry.events.formats.catalogue import FORMATS
from registry.events.formats.telling import EventFacts, Message
from registry.events.kinds import TITLES, EventType, sentence
from registry.events.services import HookRefused, kinds_of
from tests.registry.builders import make_repository
from tests.registry.events.hooks import make_hook

DIGEST = "sha256:" + "a" * 64
UUID_OF_EVENT = UUID("018f3b1e-0000-7000-8000-000000000001")
AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
DATA: dict[str, Any] = {
    "id": str(UUID_OF_EVENT),
    "registry": "registry.example.com:8443",
    "namespace": "acme",
    "repository": "acme/team/web",
    "is_public": False,
    "repository_created_at": "2026-01-01T00:00:00+00:00",
    "tag": "v1",
    "digest": DIGEST,
    "media_type": "application/vnd.oci.image.manifest.v1+json",
    "kind": "image",
    "size": 528,
    "actor": {"name": "alice", "kind": "user"},
}
HOST = "registry.example.com:8443"


@pytest.fixture(autouse=True)
def _https(settings: Settings) -> None:
    settings.PREFERRED_URL_SCHEME = "https"


def event_of(kind: EventType = EventType.TAG_PUSHED, **changed: Any) -> EventFacts:
    data = {name: value for name, value in {**DATA, **changed}.items() if value is not None}
    return EventFacts(kind, UUID_OF_EVENT, AT, data)


def message(name: str, *events: EventFacts, url: str = "", **options: Any) -> Message:
    return FORMATS[name].render(events or (event_of(),), url, options)


def document(name: str, *events: EventFacts, **options: Any) -> Any:
    return json.loads(message(name, *events, **options).body)


def test_quay() -> None:
    assert document("quay") == {
        "repository": "acme/team/web",
        "namespace": "acme",
        "name": "team/web",
        "docker_url": f"{HOST}/acme/team/web",
        "homepage": f"https://{HOST}/acme/team/web",
        "updated_tags": ["v1"],
    }


def test_quay_of_a_tag_that_is_about_to_expire() -> None:
    event = event_of(EventType.TAG_EXPIRING, expires_at="2026-03-06T13:00:00+00:00")

    said = document("quay", event)

    assert (said["tags"], said["expiring_in"]) == (["v1"], "5 days")


def test_harbor() -> None:
    assert document("harbor") == {
        "type": "PUSH_ARTIFACT",
        "occur_at": 1772366400,
        "operator": "alice",
        "event_data": {
            "resources": [
                {"digest": DIGEST, "tag": "v1", "resource_url": f"{HOST}/acme/team/web:v1"}
            ],
            "repository": {
                "date_created": 1767225600,
                "name": "team/web",
                "namespace": "acme",
                "repo_full_name": "acme/team/web",
                "repo_type": "private",
            },
        },
    }


@pytest.mark.parametrize(
    "kind", [EventType.TAG_DELETED, EventType.TAG_EXPIRED, EventType.MANIFEST_DELETED]
)
def test_harbor_and_distribution_have_one_word_for_all_that_goes(kind: EventType) -> None:
    assert document("harbor", event_of(kind))["type"] == "DELETE_ARTIFACT"
    assert document("distribution", event_of(kind))["events"][0]["action"] == "delete"


def test_harbor_of_a_manifest_without_a_tag() -> None:
    said = document("harbor", event_of(EventType.MANIFEST_PUSHED, tag=None))

    resource = {"digest": DIGEST, "resource_url": f"{HOST}/acme/team/web@{DIGEST}"}
    assert said["event_data"]["resources"] == [resource]


def test_cloudevents() -> None:
    sent = message("cloudevents")

    assert sent.content_type == "application/cloudevents+json"
    assert json.loads(sent.body) == {
        "specversion": "1.0",
        "id": str(UUID_OF_EVENT),
        "source": f"https://{HOST}/acme/team/web",
        "type": "dev.berth.container.image.pushed",
        "subject": "acme/team/web:v1",
        "time": "2026-03-01T12:00:00.123Z",
        "datacontenttype": "application/json",
        "data": DATA,
    }


def test_distribution() -> None:
    sent = message("distribution")

    assert sent.content_type == "application/vnd.docker.distribution.events.v2+json"
    assert json.loads(sent.body) == {
        "events": [
            {
                "id": str(UUID_OF_EVENT),
                "timestamp": "2026-03-01T12:00:00.123456000Z",
                "action": "push",
                "target": {
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "size": 528,
                    "digest": DIGEST,
                    "length": 528,
                    "repository": "acme/team/web",
                    "url": f"https://{HOST}/v2/acme/team/web/manifests/{DIGEST}",
                    "tag": "v1",
                },
                "request": {"id": str(UUID_OF_EVENT), "host": HOST, "method": "PUT"},
                "actor": {"name": "alice"},
                "source": {"addr": HOST},
            }
        ]
    }


def test_docker_hub() -> None:
    assert document("dockerhub") == {
        "push_data": {"pushed_at": 1772366400, "pusher": "alice", "tag": "v1"},
        "repository": {
            "name": "team/web",
            "namespace": "acme",
            "repo_name": "acme/team/web",
            "repo_url": f"https://{HOST}/acme/team/web",
            "is_private": True,
            "date_created": 1767225600,
            "status": "Active",
        },
        "callback_url": "",
    }


def test_standard_webhooks() -> None:
    assert document("standard") == {
        "type": "tag.pushed",
        "timestamp": "2026-03-01T12:00:00.123Z",
        "data": DATA,
    }


def test_slack_reads_no_markup_in_names() -> None:
    said = document("slack", event_of(actor={"name": "<!channel>&"}))

    assert said["text"] == "&lt;!channel&gt;&amp; pushed acme/team/web:v1"
    assert said["attachments"][0]["color"] == "good"


def test_teams() -> None:
    said = document("teams")

    card = said["attachments"][0]["content"]
    assert (said["type"], card["type"], card["version"]) == ("message", "AdaptiveCard", "1.4")
    assert card["body"][0]["text"] == "alice pushed acme/team/web:v1"
    assert card["actions"][0]["url"] == f"https://{HOST}/acme/team/web"


def test_matrix_puts_a_notice_under_the_id_of_the_event() -> None:
    sent = message("matrix", url="https://matrix.example.com/", room="!room:example.com")

    place = "https://matrix.example.com/_matrix/client/v3/rooms/%21room%3Aexample.com"
    assert (sent.method, sent.url) == ("PUT", f"{place}/send/m.room.message/{UUID_OF_EVENT}")
    said = json.loads(sent.body)
    assert (said["msgtype"], said["body"]) == ("m.notice", "alice pushed acme/team/web:v1")


def test_matrix_reads_no_markup_in_names() -> None:
    said = document(
        "matrix", event_of(actor={"name": "<img src=x>"}), url="https://m.example", room="!r:e"
    )

    assert "<img" not in said["formatted_body"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('"${docker_url}"', f"{HOST}/acme/team/web"),
        ('{"tags": "${updated_tags}"}', {"tags": ["v1"]}),
        ('"tags: ${updated_tags}, ${data.tag}"', "tags: v1, v1"),
        ('["${$.data.size}", "${updated_tags[0]}", 7, null]', [528, "v1", 7, None]),
        ('"${data.actor.name} ${data.nothing} ${updated_tags[9]}"', "alice (none) (none)"),
        ('{"${type}": {"a": "${event_data.tag}"}}', {"tag.pushed": {"a": "v1"}}),
        ('"${data.is_public}"', False),
    ],
)
def test_a_template_of_ones_own(template: str, expected: Any) -> None:
    assert document("template", template=template) == expected


@pytest.mark.parametrize("kind", TITLES)
def test_every_event_is_a_sentence_and_fits_every_format_that_has_words_for_it(
    kind: EventType,
) -> None:
    facts = {"expires_at": "2026-03-06T12:00:00+00:00", "reason": "x\ny", "title": "t", "role": "r"}
    event = event_of(kind, **facts, holder="bob", removed=3)

    assert "?" not in sentence(kind, event.data)
    for name, form in FORMATS.items():
        if kind in form.kinds:
            options = {"room": "!r:e", "template": '"${type}"', "email": "a@example.com"}
            sent = form.render([event], "https://m.example", options)
            assert 0 < len(sent.body) < 20_000, name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("format", {"format_name": "hipchat"}),
        ("events", {"events": ()}),
        ("events", {"events": ("tag.exploded",)}),
        ("events", {"format_name": "quay", "events": ("repository.created",)}),
        ("pattern", {"pattern": "(", "syntax": "regex"}),
        ("title", {"title": "a\nb"}),
        ("title", {"title": "a" * 101}),
        ("secret", {"secret": "short"}),
        ("secret", {"secret": "whsec_not base64 at all"}),
        ("secret", {"secret": "whsec_YQ=="}),
        ("headers", {"headers": {"Host": "other"}}),
        ("headers", {"headers": {"webhook-id": "1"}}),
        ("headers", {"headers": {"a b": "1"}}),
        ("headers", {"headers": {"X-A": "1\r\nX-B: 2"}}),
        ("headers", {"headers": {"X-A": ""}}),
        ("headers", {"headers": {"X-A": "1", "x-a": "2"}}),
        ("headers", {"headers": {f"X-{number}": "1" for number in range(6)}}),
        ("room", {"format_name": "matrix", "options": {"room": "room/../.."}}),
        ("email", {"format_name": "email", "options": {"email": "anybody@example.com"}}),
    ],
)
def test_a_hook_that_cannot_be_is_refused_with_the_field(
    field: str, changed: dict[str, Any]
) -> None:
    web = make_repository("acme/web")

    with pytest.raises(HookRefused) as refused:
        make_hook(web, **changed)

    assert refused.value.field == field


@pytest.mark.django_db
@pytest.mark.parametrize(
    "template", ["", "{", "x", '"${a b}"', '"${__class__()}"', '"${a[b]}"', "[" * 5000]
)
def test_a_template_that_cannot_be_is_refused(template: str) -> None:
    web = make_repository("acme/web")

    with pytest.raises(AccountError):
        make_hook(web, format_name="template", options={"template": template})


@pytest.mark.django_db
def test_an_address_inside_is_refused_when_the_hook_is_made() -> None:
    web = make_repository("acme/web")

    with pytest.raises(AddressRefused):
        make_hook(web, url="http://169.254.169.254/latest/meta-data")


@pytest.mark.django_db
def test_mail_to_somebody_who_is_no_member_is_refused(settings: Settings) -> None:
    settings.FEATURE_MAILING = True
    web = make_repository("acme/web")

    with pytest.raises(HookRefused, match="members"):
        make_hook(web, format_name="email", url="", options={"email": "x@example.com"})


@pytest.mark.django_db
def test_one_place_has_so_many_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.events.services.MOST_HOOKS", 1)
    web = make_repository("acme/web")
    make_hook(web)

    with pytest.raises(HookRefused, match="most"):
        make_hook(web)


def test_a_format_offers_what_it_has_words_for() -> None:
    assert kinds_of("dockerhub") == ["tag.pushed", "tag.moved", "tag.restored"]
