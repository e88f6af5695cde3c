"""The page of an organization or a person, making organizations, and their end."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from accounts.organizations.models import Organization, TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import Namespace, Robot, User
from registry.repositories.models import Repository, Role
from registry.repositories.services import NamespaceUnknown, describe, grant
from registry.statistics.models import DailyTraffic, NamespaceStorage
from tests.registry.builders import (
    NOW,
    descriptor,
    hold,
    image,
    index,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    principal_of,
    push,
)
from tests.ui.browsing import browser
from ui.display.amounts import bytes_text
from ui.namespaces import repositories as pages

pytestmark = pytest.mark.django_db

CONFIG, LAYER = b"{}", b"l" * 3000
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization("acme", owner=alice)


def text_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def push_image(repository: Repository, tag: str = "1.0", *, now: datetime = NOW) -> bytes:
    hold(repository, CONFIG, LAYER)
    body = image(CONFIG, LAYER)
    push(repository, body, tag, now=now)
    return body


def push_chart(repository: Repository, tag: str = "1.0") -> None:
    hold(repository, CONFIG)
    body = json.loads(image(CONFIG)) | {"config": descriptor(CONFIG, HELM_CONFIG)}
    push(repository, json.dumps(body).encode(), tag)


def test_the_page_lists_repositories_with_what_is_in_them(alice: User, acme: Organization) -> None:
    web = make_repository("acme/web", is_public=True)
    body = push_image(web)
    describe(repository=web, description="# The shop\nmore", now=NOW)
    make_repository("acme/empty")

    text = text_of(browser(alice), "/acme")

    assert "Container image" in text
    assert "The shop" in text
    assert "/acme/web/-/tags/1.0" in text
    assert bytes_text(len(body) + len(CONFIG) + len(LAYER)) in text
    assert "Public" in text
    assert "Nothing pushed yet" in text


def test_an_index_has_the_size_of_all_it_lists(alice: User, acme: Organization) -> None:
    web = make_repository("acme/web")
    other = b"o" * 100_000
    hold(web, CONFIG, LAYER, other)
    one, two = image(CONFIG, LAYER), image(CONFIG, LAYER, other)
    push(web, one, "one")
    push(web, two, "two")
    push(web, index(one, two), "all", now=NOW + timedelta(hours=1))

    text = text_of(browser(alice), "/acme")

    assert "Image index" in text
    assert "102 KiB" in text  # the layer that both have counts once


def test_signatures_do_not_change_what_a_repository_is_of(alice: User, acme: Organization) -> None:
    web = make_repository("acme/web")
    push_image(web, "1.0")
    hold(web, b"signature")
    signature = "application/vnd.dev.cosign.simplesigning.v1+json"
    body = image(CONFIG, layers=[descriptor(b"signature", signature)])
    push(web, body, f"sha256-{'a' * 64}.sig", now=NOW + timedelta(hours=1))

    text = text_of(browser(alice), "/acme")

    assert "Container image" in text
    assert "/acme/web/-/tags/1.0" in text
    assert ".sig" not in text


def test_the_page_says_who_pushed_last_and_how_often_it_was_pulled(
    alice: User, acme: Organization
) -> None:
    web = make_repository("acme/web")
    hold(web, CONFIG)
    body = image(CONFIG)
    push(web, body, now=NOW + timedelta(hours=1), by=Actor("acme+ci"))
    client = browser(alice)
    assert "pulls / 30 d" not in text_of(client, "/acme")

    DailyTraffic.objects.create(repository=web, day=datetime.now(UTC).date(), pulls=7)
    text = text_of(client, "/acme")

    assert "by acme+ci" in text
    assert "7 pulls / 30 d" in text


def test_a_push_is_noted_at_most_once_a_minute_unless_the_kind_changes(acme: Organization) -> None:
    web = make_repository("acme/web")
    push_image(web, "1", now=NOW + timedelta(hours=1))
    web = Repository.objects.get()

    push_image(web, "2", now=NOW + timedelta(hours=1, seconds=30))
    web.refresh_from_db()
    assert web.last_pushed_at == NOW + timedelta(hours=1)

    push_image(web, "3", now=NOW + timedelta(hours=1, seconds=60))
    web.refresh_from_db()
    assert web.last_pushed_at == NOW + timedelta(hours=1, seconds=60)

    push_chart(web, "4")
    web.refresh_from_db()
    assert web.kind == "helm chart"
    assert web.last_pushed_at == NOW + timedelta(hours=1, seconds=60)  # and never falls


def test_repositories_are_filtered_by_name_and_kind_and_sorted(
    alice: User, acme: Organization
) -> None:
    push_image(make_repository("acme/b-web"), now=NOW + timedelta(hours=1))
    push_chart(make_repository("acme/a-chart"))
    make_repository("acme/c-empty")
    client = browser(alice)

    def shown(**query: str) -> list[str]:
        text = text_of(client, "/acme", **query)
        places = {
            name: text.find(f'href="/acme/{name}"') for name in ("b-web", "a-chart", "c-empty")
        }
        return sorted((name for name in places if places[name] > 0), key=lambda name: places[name])

    assert shown() == ["b-web", "c-empty", "a-chart"]
    assert shown(sort="name") == ["a-chart", "b-web", "c-empty"]
    assert shown(q="WEB") == ["b-web"]
    assert shown(q="100%") == []
    assert shown(kind="helm") == ["a-chart"]
    assert shown(kind="images") == ["b-web"]
    assert shown(kind="other") == ["c-empty"]
    assert shown(kind="nonsense") == shown()


def test_with_htmx_only_the_list_comes(alice: User, acme: Organization) -> None:
    make_repository("acme/web")

    answer = browser(alice).get("/acme", headers={"HX-Request": "true"})

    assert "<html" not in answer.content.decode()
    assert 'href="/acme/web"' in answer.content.decode()
    assert "HX-Request" in answer.headers["Vary"]


def test_pages_follow_each_other_in_either_order(alice: User, acme: Organization) -> None:
    for number in range(51):
        make_repository(f"acme/r{number:02}")
    client = browser(alice)

    for sort in ("", "name"):
        answer = client.get("/acme", {"sort": sort})
        first, next_url = answer.context["rows"], answer.context["page"].next_url
        (last,) = client.get(f"/acme{next_url}").context["rows"]
        assert len({row.name for row in (*first, last)}) == 51


def test_visitors_see_what_is_public_and_strangers_of_nothing_public_see_nothing(
    alice: User, acme: Organization
) -> None:
    make_repository("acme/secret")
    assert Client().get("/acme").status_code == 404
    make_repository("acme/open", is_public=True)

    text = text_of(Client(), "/acme")

    assert "/acme/open" in text
    assert "/acme/secret" not in text
    assert "Storage" not in text
    assert "robot account" not in text


def test_a_person_s_page_has_their_repositories_and_no_teams(alice: User) -> None:
    make_repository("alice/web")

    text = text_of(browser(alice), "/alice")

    assert "/alice/web" in text
    assert "/alice/-/robots" in text
    assert "/alice/-/teams" not in text
    assert "/alice/-/settings" not in text


def test_as_many_queries_for_many_repositories_as_for_one(alice: User, acme: Organization) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(client, "/acme")
        return len(captured)

    client = browser(alice)
    push_image(make_repository("acme/r"))
    client.get("/acme")
    few = queries()
    for number in range(30):
        push_image(make_repository(f"acme/r{number}"))

    assert queries() == few


def test_the_storage_of_a_small_namespace_is_counted_and_blobs_count_once(
    alice: User, acme: Organization
) -> None:
    hold(make_repository("acme/one"), LAYER)
    hold(make_repository("acme/two"), LAYER, b"12345")

    assert text_of(browser(alice), "/acme").count("2.9 KiB") == 1


def test_the_storage_of_a_large_namespace_comes_from_the_survey(
    alice: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_BLOBS_COUNTED", 1)
    hold(make_repository("acme/one"), LAYER, b"12345")
    client = browser(alice)
    assert "Storage" not in text_of(client, "/acme")

    today = datetime.now(UTC).date()
    NamespaceStorage.objects.create(namespace=acme.namespace, day=today, size=5 * 1024**3)

    assert "5.0 GiB" in text_of(client, "/acme")


def test_an_organization_is_made_and_owned_by_its_maker(alice: User) -> None:
    answer = browser(alice).post(
        "/new/organization", {"name": "acme", "description": "We <3 boxes", "email": "a@b.test"}
    )

    assert answer.headers["Location"] == "/acme"
    acme = Organization.objects.get()
    assert (acme.email, acme.description) == ("a@b.test", "We <3 boxes")
    assert "We &lt;3 boxes" in text_of(browser(alice), "/acme")
    event = AuditEvent.objects.get(action="organization.create")
    assert (event.actor, event.target) == ("alice", "acme")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("api", "reserved"),
        ("bob", "taken"),
        ("Acme", "lower-case"),
        ("a", "2 to 255"),
        ("a--b", "lower-case"),
        ("<b>", "lower-case"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_with_the_reason_also_while_typing(
    alice: User, name: str, reason: str
) -> None:
    make_user("bob")
    client = browser(alice)

    sent = client.post("/new/organization", {"name": name})
    typed = client.get("/new/organization/name", {"name": name}, headers={"HX-Request": "true"})

    assert sent.status_code == 422
    assert reason in sent.content.decode()
    assert reason in typed.content.decode()
    assert "<html" not in typed.content.decode()
    assert not Organization.objects.exists()


def test_a_free_name_is_called_free(alice: User) -> None:
    assert "is free" in text_of(browser(alice), "/new/organization/name", name="acme")


def test_nobody_makes_an_organization_without_an_account() -> None:
    for path in ("/new/organization", "/new/organization/name"):
        assert "/account/login/" in Client().get(path).headers["Location"]


def test_the_settings_are_changed_and_audited(alice: User, acme: Organization) -> None:
    client = browser(alice)

    answer = client.post("/acme/-/settings", {"description": "Boxes", "email": "x@acme.test"})

    assert answer.headers["Location"] == "/acme/-/settings"
    acme.refresh_from_db()
    assert (acme.email, acme.description) == ("x@acme.test", "Boxes")
    done = set(AuditEvent.objects.filter(target="acme").values_list("action", flat=True))
    assert {"organization.email.change", "organization.description"} <= done
    assert client.post("/acme/-/settings", {"email": "no"}).status_code == 422


def test_members_may_not_change_the_settings(acme: Organization) -> None:
    bob = make_user("bob")
    team = create_team(organization=acme, name="devs", role=TeamRole.CREATOR, now=NOW)
    add_member(team=team, member=bob, now=NOW)

    for path in ("/acme/-/settings", "/acme/-/settings/delete", "/acme/-/robots"):
        assert browser(bob).get(path).status_code == 403
    assert browser(bob).post("/acme/-/settings/delete", {"name": "acme"}).status_code == 403
    assert Organization.objects.exists()


def test_the_deletion_says_beforehand_what_goes(alice: User, acme: Organization) -> None:
    push_image(make_repository("acme/web"))
    make_robot(acme)

    text = " ".join(text_of(browser(alice), "/acme/-/settings/delete").split())

    for words in ("1 repository", "1 tag", "1 team", "1 robot", "2.9 KiB", "stays taken"):
        assert words in text


def test_an_organization_goes_with_all_it_has_and_its_name_stays_taken(
    alice: User, acme: Organization
) -> None:
    web = make_repository("acme/web", is_public=True)
    push_image(web)
    bob = make_user("bob")
    grant(repository=web, role=Role.ADMIN, holder=bob, now=NOW)
    make_robot(acme)
    client = browser(alice)

    refused = client.post("/acme/-/settings/delete", {"name": "ACME"})
    assert refused.status_code == 422
    assert Organization.objects.exists()
    answer = client.post("/acme/-/settings/delete", {"name": "acme"})

    assert answer.status_code == 302
    assert not Organization.objects.exists()
    assert not Robot.objects.exists()
    assert not Repository.objects.exists()
    assert Repository.deleted.get().removal_began_at is not None
    assert client.get("/acme").status_code == 404
    assert browser(bob).get("/acme/web").status_code == 404
    assert browser(make_user("harbourmaster", is_superuser=True)).get("/acme").status_code == 404
    assert "taken" in client.post("/new/organization", {"name": "acme"}).content.decode()
    done = AuditEvent.objects.filter(actor="alice").values_list("action", flat=True)
    assert {"organization.delete", "repository.delete"} <= set(done)


def test_nothing_is_made_in_an_organization_that_was_deleted(
    alice: User, acme: Organization
) -> None:
    browser(alice).post("/acme/-/settings/delete", {"name": "acme"})

    with pytest.raises(NamespaceUnknown):
        make_repository("acme/web", creator=principal_of(alice))
    assert Namespace.objects.filter(name="acme").exists()
