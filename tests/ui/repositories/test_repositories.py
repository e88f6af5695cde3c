"""Pages of one repository: what it is, how it is made, described, set and deleted."""

import json
import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from accounts.organizations.models import TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import User
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.manifests.services import tag_manifest
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, Role
from registry.repositories.services import describe, grant, set_read_only
from registry.tags.models import Tag
from tests.registry.builders import (
    NOW,
    descriptor,
    hold,
    image,
    index,
    make_organization,
    make_repository,
    make_user,
    owner_of,
    push,
)
from tests.registry.charts.builders import push_chart
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](https://evil.example/i.png)"


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def owner(web: Repository) -> User:
    return User.objects.get(username="acme-owner")


@pytest.fixture
def page(owner: User) -> Client:
    return browser(owner)


def text(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, response.content
    return response.content.decode()


def pushed(repository: Repository, tag: str = "v1", *, now: datetime | None = None) -> Manifest:
    now = now or timezone.now()
    hold(repository, b"{}", b"layer", now=now)
    return push(repository, image(b"{}", b"layer"), tag, now=now)


def test_a_readme_that_was_not_read_is_not_called_absent(page: Client, web: Repository) -> None:
    push_chart(web, "web", "1.0.0", readme="x" * 600 * 1024, now=timezone.now())

    shown = text(page, "/acme/web")

    assert "README.md could not be read, because it is larger than 512 KiB." in shown
    assert "brings no README" not in shown


def test_a_chart_that_waits_to_be_read_is_said_to_wait(page: Client, web: Repository) -> None:
    push_chart(web, "web", "1.0.0", readme="Hello", now=timezone.now())
    ChartVersion.objects.all().delete()

    assert "The chart is still being looked into" in text(page, "/acme/web")


def test_tags_of_signatures_are_counted_apart(page: Client, web: Repository) -> None:
    manifest = pushed(web)
    pushed(web, manifest.digest.replace(":", "-") + ".sig")

    shown = text(page, "/acme/web")

    assert '<a href="/acme/web/-/tags">1</a>' in shown
    assert "<dt>Signature tags</dt><dd>1</dd>" in shown


# --- New ----------------------------------------------------------------------------------------


def test_a_repository_is_created_where_one_may_create(page: Client) -> None:
    form = text(page, "/new/repository?namespace=acme")
    assert '<option value="acme" selected>' in form
    assert '<option value="acme-owner">' in form

    answer = page.post(
        "/new/repository",
        {
            "namespace": "acme",
            "name": "team/app",
            "visibility": "public",
            "description": "The app.",
        },
        follow=True,
    )

    made = Repository.objects.get(path="acme/team/app")
    assert (made.is_public, made.description) == (True, "The app.")
    assert answer.redirect_chain == [("/acme/team/app", 302)]
    assert "Push something to it next" in answer.content.decode()
    assert AuditEvent.objects.filter(action="repository.create", target=made.path).exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Big", "lower-case letters"),
        ("a//b", "lower-case letters"),
        ("-", "lower-case letters"),
        ("x" * 255, "at most 255 characters"),
        ("web", "is a repository acme/web already"),
        ("", "required"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_words(page: Client, name: str, words: str) -> None:
    answer = page.post(
        "/new/repository",
        {"namespace": "acme", "name": name, "visibility": "private", "description": ""},
    )
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Repository.objects.count() == 1


def test_nobody_creates_where_they_may_not(web: Repository) -> None:
    bob = make_user("bob")
    client = browser(bob)
    assert "acme" not in text(client, "/new/repository?namespace=acme")

    given = {"namespace": "acme", "name": "x", "visibility": "private", "description": ""}
    assert client.post("/new/repository", given).status_code == 422

    creators = create_team(
        organization=web.namespace.organization,
        name="makers",
        role=TeamRole.CREATOR,
        now=NOW,
    )
    add_member(team=creators, member=bob, now=NOW)
    assert client.post("/new/repository", given).status_code == 302


def test_who_is_not_signed_in_is_sent_to_sign_in() -> None:
    answer = browser().get("/new/repository")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/?next=")


# --- Overview -----------------------------------------------------------------------------------


def test_an_empty_repository_says_how_to_push_to_those_who_may(
    page: Client, web: Repository
) -> None:
    reader = make_user("reader")
    grant(repository=web, role=Role.READ, holder=reader, now=NOW)

    assert "podman push --tls-verify=false localhost/IMAGE testserver:80/acme/web:TAG" in text(
        page, "/acme/web"
    )
    assert "podman push" not in text(browser(reader), "/acme/web")


def test_it_shows_what_was_pushed_last_and_how_to_pull_it(page: Client, web: Repository) -> None:
    pushed(web, "v1", now=timezone.now() - timedelta(days=2))
    manifest = pushed(web, "v2")

    shown = text(page, "/acme/web")

    assert "Container image" in shown
    assert "podman pull --tls-verify=false testserver:80/acme/web:v2" in shown
    assert manifest.digest in shown
    assert 'href="/acme/web/-/tags/v2"' in shown
    assert '<a href="/acme/web/-/tags">2</a>' in shown


def test_of_a_chart_the_newest_version_speaks(page: Client, web: Repository) -> None:
    push_chart(web, "web", "0.10.0", readme=f"# Hello\n{HOSTILE}\n", now=timezone.now())
    push_chart(web, "web", "0.9.0", now=timezone.now())

    shown = text(page, "/acme/web")

    assert "helm pull oci://testserver:80/acme/web --version 0.10.0 --plain-http" in shown
    assert "Hello</h3>" in shown
    assert "<script>alert" not in shown
    assert 'href="javascript' not in shown
    assert 'src="https://evil' not in shown


def test_many_tags_are_counted_to_a_bound(
    page: Client, web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.repository_rows.MOST_TAGS_COUNTED", 1000)
    manifest = pushed(web)
    Tag.objects.bulk_create(
        Tag(repository=web, name=f"t{number}", manifest=manifest, started_at=NOW)
        for number in range(1000)
    )
    assert "1,000+" in text(page, "/acme/web")


def test_the_overview_costs_the_same_for_many_tags_as_for_one(
    page: Client, web: Repository
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(page, "/acme/web")
        return len(captured)

    manifest = pushed(web)
    count()
    few = count()
    Tag.objects.bulk_create(
        Tag(repository=web, name=f"t{number}", manifest=manifest, started_at=NOW)
        for number in range(30)
    )
    assert count() == few


TOLD = {
    "org.opencontainers.image.title": "The web",
    "org.opencontainers.image.description": "Serves pages",
    "org.opencontainers.image.licenses": "MIT",
    "org.opencontainers.image.source": "https://example.com/acme/web",
    "org.opencontainers.image.revision": "abc123",
}


def said(web: Repository, tag: str, told: dict[str, str], *, now: datetime | None = None) -> None:
    """A version of its own whose annotations say this."""
    now = now or timezone.now()
    config = tag.encode()
    hold(web, config, b"layer", now=now)
    push(web, image(config, b"layer", annotations=told), tag, now=now)


def test_the_newest_version_says_what_the_repository_is(page: Client, web: Repository) -> None:
    said(web, "1.10.0", TOLD, now=timezone.now() - timedelta(days=2))
    said(web, "1.9.0", {"org.opencontainers.image.description": "Older"})
    said(web, "2.0.0-rc.1", {"org.opencontainers.image.description": "Not out yet"})

    shown = " ".join(text(page, "/acme/web").split())

    assert "Serves pages" in shown
    assert "<dt>Licence</dt><dd>MIT</dd>" in shown
    assert 'href="https://example.com/acme/web" rel="nofollow noopener ugc"' in shown
    assert "<code>abc123</code>" in shown
    assert "Older" not in shown
    assert "Not out yet" not in shown


def test_labels_of_an_image_speak_where_it_has_no_annotations(
    page: Client, web: Repository
) -> None:
    pushed(web, "v1")
    labels = {"org.label-schema.description": "Served for years", "org.label-schema.vcs-ref": "f00"}
    Manifest.objects.update(labels_json=json.dumps(labels))

    shown = text(page, "/acme/web")

    assert "Served for years" in shown
    assert "<code>f00</code>" in shown


def test_the_images_of_an_index_speak_for_it(page: Client, web: Repository) -> None:
    said(web, "child", TOLD)
    child = Manifest.objects.get()
    Tag.objects.all().delete()
    entry = descriptor(bytes(child.body), child.media_type)
    push(web, index(manifests=[entry]), "1.0.0", now=timezone.now())

    assert "Serves pages" in text(page, "/acme/web")


def test_words_of_somebody_who_may_push_go_before_those_of_a_version(
    page: Client, web: Repository
) -> None:
    said(web, "1.0.0", TOLD)
    Repository.objects.update(description="In our own words")

    shown = text(page, "/acme/web")

    assert "In our own words" in shown
    assert "Serves pages" not in shown


@pytest.mark.parametrize(
    "told",
    [
        {"org.opencontainers.image.description": HOSTILE},
        {"org.opencontainers.image.source": "javascript:alert(1)"},
        {"org.opencontainers.image.licenses": "x" * 70_000},
    ],
)
def test_what_a_version_says_harms_nobody(
    page: Client, web: Repository, told: dict[str, str]
) -> None:
    said(web, "1.0.0", told)

    shown = text(page, "/acme/web")

    assert "<script>alert" not in shown
    assert 'href="javascript' not in shown
    assert "x" * 2000 not in shown


def test_the_latest_tags_stand_on_the_first_page(page: Client, web: Repository) -> None:
    for number in range(7):
        pushed(web, f"v{number}", now=timezone.now() - timedelta(hours=9 - number))

    latest = text(page, "/acme/web").partition('id="latest-title"')[2].partition("</section>")[0]

    assert re.findall(r"/tags/(v\d)", latest) == ["v6", "v5", "v4", "v3", "v2"]
    assert latest.count("Not signed") == 5


def test_who_pushes_is_told_to_those_who_may(page: Client, web: Repository) -> None:
    manifest = pushed(web)
    now = timezone.now()
    tag_manifest(
        repository=web, name="stable", digest=manifest.digest, now=now, by=Actor("acme+ci")
    )
    grant(repository=web, role=Role.READ, holder=make_user("reader"), now=NOW)

    assert "<dt>Pushed by</dt><dd>acme+ci</dd>" in text(page, "/acme/web")
    assert "acme+ci" not in text(browser(User.objects.get(username="reader")), "/acme/web")


def test_strangers_do_not_learn_that_it_is_there(web: Repository) -> None:
    stranger = browser(make_user("bob"))
    for path in ("/acme/web", "/acme/web/-/access", "/acme/web/-/delete", "/acme/no"):
        assert stranger.get(path).status_code == 404
        assert browser().get(path).status_code == 404


# --- Description --------------------------------------------------------------------------------


def test_a_description_is_looked_at_before_it_is_saved(page: Client, web: Repository) -> None:
    answer = page.post("/acme/web/-/description", {"description": "**Fast**", "preview": "yes"})

    assert "<strong>Fast</strong>" in answer.content.decode()
    web.refresh_from_db()
    assert web.description == ""


def test_the_description_is_shown_as_harmless_markdown(page: Client, web: Repository) -> None:
    answer = page.post("/acme/web/-/description", {"description": f"# Title\n\n{HOSTILE}"})

    assert answer.status_code == 302
    shown = text(page, "/acme/web")
    assert "<h3>Title</h3>" in shown
    assert "<script>alert" not in shown
    assert 'href="javascript' not in shown
    assert '<img src="https://evil' not in shown
    assert AuditEvent.objects.filter(action="repository.description").count() == 1


def test_who_may_push_describes_and_who_reads_does_not(web: Repository) -> None:
    writer, reader = make_user("writer"), make_user("reader")
    grant(repository=web, role=Role.WRITE, holder=writer, now=NOW)
    grant(repository=web, role=Role.READ, holder=reader, now=NOW)

    assert browser(writer).get("/acme/web/-/description").status_code == 200
    assert browser(reader).get("/acme/web/-/description").status_code == 403
    refused = browser(reader).post("/acme/web/-/description", {"description": "x"})
    assert refused.status_code == 403


def test_a_description_has_a_length(page: Client, web: Repository) -> None:
    answer = page.post("/acme/web/-/description", {"description": "x" * (64 * 1024 + 1)})
    assert answer.status_code == 422
    web.refresh_from_db()
    assert web.description == ""


# --- Settings -----------------------------------------------------------------------------------


def test_making_it_private_names_who_keeps_the_right_to_pull(page: Client, web: Repository) -> None:
    Repository.objects.update(is_public=True)
    grant(repository=web, role=Role.READ, holder=make_user("bob"), now=NOW)

    asked = text(page, "/acme/web/-/visibility")
    page.post("/acme/web/-/visibility", {"visibility": "private"})

    assert "loses the right to pull" in asked
    assert "bob" in asked
    web.refresh_from_db()
    assert not web.is_public
    assert browser().get("/acme/web").status_code == 404


@pytest.mark.parametrize("anonymous", [True, False])
def test_making_it_public_says_who_gains(
    page: Client, web: Repository, settings: Settings, anonymous: bool
) -> None:
    settings.FEATURE_ANONYMOUS_ACCESS = anonymous

    asked = text(page, "/acme/web/-/visibility")
    page.post("/acme/web/-/visibility", {"visibility": "public"})

    assert ("without signing in" in asked) is anonymous
    assert (browser().get("/acme/web").status_code == 200) is anonymous


def test_settings_are_for_who_administers(web: Repository) -> None:
    writer = make_user("writer")
    grant(repository=web, role=Role.WRITE, holder=writer, now=NOW)
    for path in ("settings", "visibility", "delete", "access"):
        assert browser(writer).get(f"/acme/web/-/{path}").status_code == 403
    assert browser(writer).post("/acme/web/-/delete", {"name": "acme/web"}).status_code == 403


# --- Delete and undelete ------------------------------------------------------------------------


def test_deleting_says_what_goes_and_wants_the_name_typed(page: Client, web: Repository) -> None:
    pushed(web)
    asked = text(page, "/acme/web/-/delete")
    assert "<dt>Tags</dt><dd>1</dd>" in asked
    assert "undelete it for 14 days" in asked

    assert page.post("/acme/web/-/delete", {"name": "web"}).status_code == 422
    assert Repository.objects.count() == 1

    answer = page.post("/acme/web/-/delete", {"name": "acme/web"}, follow=True)

    assert "acme/web was deleted." in answer.content.decode()
    assert page.get("/acme/web").status_code == 404
    assert browser().get("/v2/acme/web/tags/list").status_code == 401


def test_who_administers_the_namespace_undeletes_it(page: Client, web: Repository) -> None:
    delete_repository(repository=web, now=timezone.now())

    listed = text(page, "/acme/-/deleted")
    assert f"/acme/-/deleted/{web.pk}" in listed
    assert "It comes back as it was" in text(page, f"/acme/-/deleted/{web.pk}")
    answer = page.post(f"/acme/-/deleted/{web.pk}", follow=True)

    assert "acme/web is back." in answer.content.decode()
    assert Repository.objects.get() == web
    assert page.get(f"/acme/-/deleted/{web.pk}").status_code == 404


def test_a_taken_name_is_told_and_nothing_is_lost(page: Client, web: Repository) -> None:
    delete_repository(repository=web, now=timezone.now())
    make_repository("acme/web")

    assert "another repository" in text(page, f"/acme/-/deleted/{web.pk}")
    answer = page.post(f"/acme/-/deleted/{web.pk}", follow=True)

    assert "There is another repository acme/web now" in answer.content.decode()
    assert Repository.deleted.get() == web


def test_it_can_be_removed_before_its_time(page: Client, web: Repository) -> None:
    delete_repository(repository=web, now=timezone.now())

    page.post(f"/acme/-/deleted/{web.pk}", {"remove": "yes"})

    assert Repository.deleted.get().removal_began_at is not None
    assert "There are none." in text(page, "/acme/-/deleted")


def test_others_neither_see_nor_undelete_what_was_deleted(web: Repository) -> None:
    reader, stranger = make_user("reader"), make_user("stranger")
    add_member(
        team=create_team(
            organization=web.namespace.organization, name="readers", role=TeamRole.MEMBER, now=NOW
        ),
        member=reader,
        now=NOW,
    )
    make_organization("other", owner=stranger)
    delete_repository(repository=web, now=timezone.now())

    assert browser(reader).get("/acme/-/deleted").status_code == 403
    assert browser(reader).post(f"/acme/-/deleted/{web.pk}").status_code == 403
    assert browser(stranger).get("/acme/-/deleted").status_code == 404
    assert browser(stranger).post(f"/other/-/deleted/{web.pk}").status_code == 404
    assert Repository.deleted.count() == 1


def test_what_is_past_its_time_is_not_offered(page: Client, web: Repository) -> None:
    delete_repository(repository=web, now=timezone.now() - timedelta(days=15))
    assert "There are none." in text(page, "/acme/-/deleted")
    assert page.post(f"/acme/-/deleted/{web.pk}").status_code == 404


def test_the_list_of_deleted_ones_costs_the_same_for_many(page: Client, web: Repository) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(page, "/acme/-/deleted")
        return len(captured)

    delete_repository(repository=web, now=timezone.now())
    count()
    few = count()
    for number in range(20):
        delete_repository(repository=make_repository(f"acme/x{number}"), now=timezone.now())
    assert count() == few


def test_hostile_descriptions_are_text_everywhere(page: Client, web: Repository) -> None:
    describe(repository=web, description="\u202e<b>x</b>\n" + HOSTILE, now=NOW)
    for path in ("/acme/web", "/acme/web/-/settings", "/acme/web/-/description"):
        shown = text(page, path)
        assert "<script>alert" not in shown
        assert "<b>x</b>" not in shown
    assert owner_of("acme").name == "acme-owner"


# --- Read-only ------------------------------------------------------------------------------------


def closed(repository: Repository) -> None:
    set_read_only(repository=repository, is_read_only=True, now=timezone.now())


def test_an_administrator_makes_it_read_only_and_takes_that_back(
    web: Repository, page: Client
) -> None:
    states = []
    for state in ("read-only", "normal"):
        answer = page.post("/acme/web/-/settings", {"state": state}, follow=True)
        assert answer.redirect_chain == [("/acme/web/-/settings", 302)]
        states.append(Repository.objects.get().is_read_only)

    assert states == [True, False]
    assert AuditEvent.objects.filter(action="repository.state", actor="acme-owner").count() == 2


def test_a_state_that_there_is_not_changes_nothing(web: Repository, page: Client) -> None:
    closed(web)

    assert page.post("/acme/web/-/settings", {"state": "mirror"}).status_code == 400
    assert Repository.objects.get().is_read_only


def test_lists_and_the_head_of_its_pages_say_that_it_is_read_only(
    web: Repository, page: Client
) -> None:
    before = [text(page, path).count(">Read-only<") for path in ("/acme", "/acme/web")]
    closed(web)

    after = [text(page, path).count(">Read-only<") for path in ("/acme", "/acme/web")]
    assert (before, after) == ([0, 0], [1, 1])


def test_nothing_that_would_be_refused_is_offered(web: Repository, page: Client) -> None:
    pushed(web)
    offers = ("change-tags?", "add-tag", 'name="action"')
    paths = ("/acme/web/-/tags", "/acme/web/-/tags/v1")
    before = "".join(text(page, path) for path in paths)
    assert all(offer in before for offer in offers)
    closed(web)

    after = "".join(text(page, path) for path in paths)
    assert [offer for offer in offers if offer in after] == []


@pytest.mark.parametrize(
    "path", ["change-tags?action=delete&tag=v1", "change-tags?action=free&tag=v1", "restore-tag"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_that_would_change_it_says_that_it_is_read_only(
    web: Repository, page: Client, path: str, method: str
) -> None:
    pushed(web)
    closed(web)

    answer = page.generic(method, f"/acme/web/-/{path}")

    assert answer.status_code == 403
    assert "acme/web is read-only" in answer.content.decode()
    assert Tag.objects.alive(timezone.now()).filter(name="v1").exists()


def test_who_may_only_pull_is_not_told_whom_to_ask(web: Repository) -> None:
    bob = make_user("bob")
    grant(repository=web, role=Role.READ, holder=bob, now=NOW)
    closed(web)

    assert "may see this, but not do this" in text(browser(bob), "/acme/web/-/restore-tag", 403)


def test_who_pushed_is_told_as_before_to_those_who_might(web: Repository) -> None:
    bob = make_user("bob")
    grant(repository=web, role=Role.WRITE, holder=bob, now=NOW)
    closed(web)

    assert "created the repository" in text(browser(bob), "/acme/web/-/activity")
    assert browser(bob).get("/acme/web/-/activity.csv").status_code == 200


def test_it_can_be_described_while_it_is_read_only(web: Repository, page: Client) -> None:
    closed(web)
    page.post("/acme/web/-/description", {"description": "Kept for later."})

    assert Repository.objects.get().description == "Kept for later."
