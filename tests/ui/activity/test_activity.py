"""Who did what, and how much was pulled."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit import models
from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor, record
from accounts.audit.sightings import flush_sightings
from accounts.users.models import User
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.presets import Preset
from registry.manifests.policy import BlockedByPolicy
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant, select_policy
from registry.statistics.models import DailyTraffic, NamespaceStorage, RepositoryStorage
from tests.registry.builders import CONFIG_TYPE, NOW, hold, image, make_repository, make_user, push
from tests.ui.browsing import browser
from ui.activity import export
from ui.activity.feed import KINDS, kind_of
from ui.activity.words import actions, fact_of, phrase_of

pytestmark = pytest.mark.django_db

REPOSITORY = "/acme/web/-/activity"
NAMESPACE = "/acme/-/activity"


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def owner(web: Repository) -> User:
    return User.objects.get(username="acme-owner")


def helper(web: Repository, role: Role) -> User:
    user = make_user(f"{role}r")
    grant(repository=web, role=role, holder=user, now=NOW)
    return user


def today() -> date:
    """As the pages see it."""
    return timezone.now().date()


def happen(target: str = "acme/web:v1", action: str = "tag.delete", minutes: int = 0) -> None:
    Actor("carol", "192.0.2.7").did(action, target, now=NOW + timedelta(minutes=minutes))


def test_the_log_says_who_did_what_and_from_where(web: Repository, owner: User) -> None:
    happen()

    text = browser(owner).get(REPOSITORY).text

    assert "carol" in text
    assert "deleted the tag" in text
    assert "acme/web:v1" in text
    assert "192.0.2.7" in text


def test_a_push_is_in_the_log_with_its_digest(web: Repository, owner: User) -> None:
    hold(web, b"{}")
    manifest = push(web, image(b"{}"), "v7")

    text = browser(owner).get(REPOSITORY).text

    assert "acme/web:v7" in text
    assert manifest.digest in text


def test_a_push_that_the_policy_refused_is_in_the_log_once(web: Repository, owner: User) -> None:
    images = ArtifactPolicy.objects.get(preset=Preset.IMAGES)
    select_policy(repository=web, policy=images, now=NOW)
    hold(web, b"{}")
    chart = image(b"{}").replace(CONFIG_TYPE.encode(), b"application/vnd.cncf.helm.config.v1+json")
    for minutes in (0, 1):
        with pytest.raises(BlockedByPolicy):
            push(web, chart, "v9", now=NOW + timedelta(minutes=minutes))

    text = browser(owner).get(REPOSITORY).text

    assert text.count('was refused to push <a href="/acme/web/-/tags/v9">') == 1
    assert "application/vnd.cncf.helm.config.v1+json" in text


def test_those_who_may_pull_see_how_much_and_not_who(web: Repository) -> None:
    happen()
    DailyTraffic.objects.create(repository=web, day=today(), pulls=41)

    reader = browser(helper(web, Role.READ))
    text = reader.get(REPOSITORY).text

    assert "41 <small>pulls" in text
    assert "carol" not in text
    assert reader.get(f"{REPOSITORY}.csv").status_code == 403
    assert reader.get(NAMESPACE).status_code == 403


def test_those_who_may_push_see_who_but_no_addresses(web: Repository) -> None:
    happen()

    writer = browser(helper(web, Role.WRITE))
    page = writer.get(REPOSITORY).text
    exported = writer.get(f"{REPOSITORY}.csv").getvalue().decode()

    assert "carol" in page
    assert "carol" in exported
    assert "192.0.2.7" not in page
    assert "192.0.2.7" not in exported


def test_what_nobody_may_see_is_not_there(web: Repository) -> None:
    stranger = browser(make_user("stranger"))

    for path in (REPOSITORY, f"{REPOSITORY}.csv", NAMESPACE, f"{NAMESPACE}.jsonl"):
        assert stranger.get(path).status_code == 404
        assert browser().get(path).status_code == 404


def test_the_log_of_a_namespace_holds_its_repositories_and_nobody_else_s(
    web: Repository, owner: User
) -> None:
    make_repository("acme2/web")
    happen("acme/web:mine")
    happen("acme+ci", "robot.create")
    happen("acme2/web:theirs")
    happen("acme2", "organization.email.change")

    text = browser(owner).get(NAMESPACE).text

    assert "acme/web:mine" in text
    assert "acme+ci" in text
    assert "acme2" not in text


def test_one_name_s_earlier_bearer_is_not_shown(web: Repository, owner: User) -> None:
    happen("acme/web:earlier", minutes=-1)
    happen("acme/web:later", minutes=1)

    for path in (REPOSITORY, NAMESPACE):
        text = browser(owner).get(path).text
        assert "acme/web:later" in text
        assert "acme/web:earlier" not in text


def test_repositories_whose_names_begin_alike_have_logs_of_their_own(
    web: Repository, owner: User
) -> None:
    happen("acme/web2:v1")
    happen("acme/web/deep@sha256:00")

    text = browser(owner).get(REPOSITORY).text

    assert "web2" not in text
    assert "deep" not in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("actor=carol", ["one", "two", "three"]),
        ("actor=acme-owner", []),
        ("action=tag.restore", ["two"]),
        ("since=2026-03-02", ["three"]),
        ("until=2026-03-01", ["one", "two"]),
        ("since=2026-03-01&until=2026-03-01&action=tag.delete", ["one"]),
        ("action=no.such&since=nonsense", ["one", "two", "three"]),
    ],
)
def test_the_log_can_be_narrowed(
    web: Repository, owner: User, query: str, shown: list[str]
) -> None:
    happen("acme/web:one")
    happen("acme/web:two", "tag.restore")
    happen("acme/web:three", minutes=24 * 60)

    page = browser(owner).get(f"{REPOSITORY}?{query}").text
    exported = browser(owner).get(f"{REPOSITORY}.csv?{query}").getvalue().decode()

    for text in (page, exported):
        found = [name for name in ("one", "two", "three") if f"acme/web:{name}" in text]
        assert found == shown


def test_pages_of_the_log_follow_each_other(web: Repository, owner: User) -> None:
    for number in range(120):
        happen(f"acme/web:t{number:03}", minutes=number // 3)

    seen: list[str] = []
    path: str | None = REPOSITORY
    while path:
        answer = browser(owner).get(path)
        context = answer.context
        seen += [line.event.target for line in context["lines"]]
        path = context["page"].next_url and REPOSITORY + context["page"].next_url

    tags = [target for target in seen if ":t" in target]
    assert tags == [f"acme/web:t{number:03}" for number in reversed(range(120))]


def test_the_number_of_queries_does_not_grow(web: Repository, owner: User) -> None:
    def queries(path: str) -> int:
        client = browser(owner)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    happen()
    before = [queries(path) for path in (REPOSITORY, NAMESPACE)]
    for number in range(60):
        happen(minutes=number)
        DailyTraffic.objects.create(repository=web, day=today() - timedelta(days=number), pulls=1)

    assert [queries(path) for path in (REPOSITORY, NAMESPACE)] == before


def test_an_export_holds_every_event_of_the_log(
    web: Repository, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_BATCH_ROWS", 7)
    for number in range(30):
        happen(f"acme/web:t{number:02}", minutes=number // 4)

    answer = browser(owner).get(f"{NAMESPACE}.jsonl?actor=carol")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-activity.jsonl"'
    events = [json.loads(line) for line in answer.getvalue().decode().splitlines()]
    assert [event["target"][-3:] for event in events] == [f"t{n:02}" for n in reversed(range(30))]
    assert events[0]["address"] == "192.0.2.7"
    assert events[0]["words"] == "deleted the tag"


def test_an_export_ends_somewhere(
    web: Repository, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_BATCH_ROWS", 4)
    monkeypatch.setattr(export, "MAX_EVENTS", 10)
    for number in range(30):
        happen(minutes=number)

    assert len(browser(owner).get(f"{REPOSITORY}.jsonl").getvalue().splitlines()) == 10


def test_no_cell_of_an_export_is_a_formula(web: Repository, owner: User) -> None:
    record(
        actor="=HYPERLINK()",
        action="tag.delete",
        target="acme/web",
        now=NOW,
        address="@x",
        note="=",
    )

    text = browser(owner).get(f"{REPOSITORY}.csv?actor=%3DHYPERLINK()").getvalue().decode()

    (_, row) = csv.reader(io.StringIO(text))
    assert row[1] == "'=HYPERLINK()"
    assert row[5] == "'@x"


def test_an_unknown_form_of_export_is_not_there(web: Repository, owner: User) -> None:
    assert browser(owner).get(f"{REPOSITORY}.xml").status_code == 404


def test_hostile_text_in_the_log_is_shown_as_text(web: Repository, owner: User) -> None:
    record(
        actor="<script>alert(1)</script>",
        action="<b>.x",
        target="acme/web:<img src=x>",
        now=NOW,
        reason="<svg onload=alert(1)>" + "x" * 5000,
    )

    text = browser(owner).get(REPOSITORY).text

    assert "<script>alert" not in text
    assert "<img src=x>" not in text
    assert "<svg onload" not in text
    assert "x" * 400 not in text


def test_storage_over_time_has_a_table_beside_it(web: Repository, owner: User) -> None:
    for back, size in ((2, 1024), (1, 2048)):
        day = today() - timedelta(days=back)
        RepositoryStorage.objects.create(repository=web, day=day, size=size)
        NamespaceStorage.objects.create(namespace=web.namespace, day=day, size=size * 2)

    assert "1.0 KiB</td>" in browser(owner).get(REPOSITORY).text
    assert "4.0 KiB</td>" in browser(owner).get(NAMESPACE).text


def test_the_days_shown_can_be_chosen(web: Repository, owner: User) -> None:
    DailyTraffic.objects.create(repository=web, day=today() - timedelta(days=60), pulls=5)

    assert "0 <small>pulls in 30 days" in browser(owner).get(f"{REPOSITORY}?days=99999").text
    assert "5 <small>pulls in 90 days" in browser(owner).get(f"{REPOSITORY}?days=90").text


def test_an_action_without_words_is_still_readable() -> None:
    assert phrase_of("some-thing.create") == "created the some thing"


def test_what_is_changed_in_the_admin_is_filed_where_it_belongs(owner: User) -> None:
    boss = make_user("boss", is_superuser=True)
    client = browser(boss)
    client.post(
        "/admin/tags/immutabilityrule/add/",
        {"repository": Repository.objects.get().pk, "pattern": "v*", "syntax": "glob"},
    )

    event = AuditEvent.objects.get(action="immutability-rule.create")
    assert (event.namespace, event.repository) == ("acme", "acme/web")


def test_an_export_is_itself_in_the_log(web: Repository, owner: User) -> None:
    browser(owner).get(f"{REPOSITORY}.csv?actor=carol")

    event = AuditEvent.objects.get(action="log.export")
    assert (event.actor, event.repository) == ("acme-owner", "acme/web")
    assert event.facts == {"form": "csv", "narrowed_by": "actor=carol"}


def test_an_export_that_is_refused_is_not(web: Repository) -> None:
    browser(helper(web, Role.READ)).get(f"{NAMESPACE}.csv")

    assert not AuditEvent.objects.filter(action="log.export").exists()


@pytest.mark.parametrize(
    ("role", "path", "right"),
    [
        (None, "/acme/web", "pull"),
        (Role.READ, "/acme/web/-/activity.csv", "push"),
        (Role.WRITE, "/acme/web/-/access", "*"),
    ],
)
def test_who_opens_a_page_that_is_not_for_them_is_in_the_log(
    web: Repository, role: Role | None, path: str, right: str
) -> None:
    browser(helper(web, role) if role else make_user("bob")).get(path)

    flush_sightings()
    event = AuditEvent.objects.get(action="access.refuse")
    assert (event.repository, event.facts["right"]) == ("acme/web", right)


def test_who_has_not_signed_in_is_led_there_and_not_in_the_log(web: Repository) -> None:
    browser().get("/acme/web")

    assert flush_sightings() == 0


def test_a_push_is_one_line_with_all_that_it_brought(web: Repository, owner: User) -> None:
    by = Actor("ann")
    for number, target in enumerate(("@sha256:" + "a" * 64, "@sha256:" + "b" * 64, ":2.0")):
        by.did("manifest.push", f"acme/web{target}", now=NOW + timedelta(seconds=number))

    lines = browser(owner).get(REPOSITORY).context["lines"]

    told = [
        (line.place.text, len(line.parts)) for line in lines if line.event.action == "manifest.push"
    ]
    assert told == [("acme/web:2.0", 2)]
    assert lines[0].parts[0].url == f"/acme/web/-/manifests/sha256:{'b' * 64}"


@pytest.mark.parametrize(
    ("actor", "path", "before"),
    [
        ("bob", "acme/web", timedelta(seconds=1)),
        ("ann", "acme/web", timedelta(minutes=3)),
        ("ann", "acme/api", timedelta(seconds=1)),
    ],
)
def test_what_somebody_else_pushed_elsewhere_or_earlier_has_its_own_line(
    web: Repository, owner: User, actor: str, path: str, before: timedelta
) -> None:
    make_repository("acme/api")
    Actor(actor).did("manifest.push", f"{path}@sha256:{'a' * 64}", now=NOW)
    Actor("ann").did("manifest.push", "acme/web:2.0", now=NOW + before)

    lines = browser(owner).get(NAMESPACE).context["lines"]

    assert sum(line.event.action == "manifest.push" for line in lines) == 2


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("acme/web", "/acme/web"),
        ("acme/web:v1", "/acme/web/-/tags/v1"),
        (f"acme/web@sha256:{'a' * 64}", f"/acme/web/-/manifests/sha256:{'a' * 64}"),
        ("acme/web@nonsense", ""),
        ("acme", "/acme"),
        ("acme+ci", "/acme/-/robots/ci"),
        ("acme/web:<b>", ""),
    ],
)
def test_what_an_event_is_about_leads_to_its_page(
    web: Repository, owner: User, target: str, url: str
) -> None:
    happen(target, "tag.delete", minutes=1)

    lines = browser(owner).get(NAMESPACE).context["lines"]

    assert [line.place.url for line in lines if line.event.action == "tag.delete"] == [url]


def test_a_refusal_leads_to_what_is_allowed(web: Repository, owner: User) -> None:
    happen("acme/web:v9", "manifest.refuse")

    text = browser(owner).get(REPOSITORY).text

    assert 'class="b-refused"' in text
    assert 'href="/acme/web/-/rules/policy">What is allowed' in text


def test_who_may_only_push_is_led_to_no_page_that_is_not_theirs(web: Repository) -> None:
    happen("acme/web:v9", "manifest.refuse")

    assert "What is allowed" not in browser(helper(web, Role.WRITE)).get(REPOSITORY).text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind=pushes", {"manifest.push"}),
        ("kind=pushes&kind=deletions", {"manifest.push", "tag.delete"}),
        ("kind=refusals", {"manifest.refuse"}),
        ("kind=rights", {"repository.grant"}),
        ("kind=rules", {"retention.rules"}),
        ("kind=robots", {"robot.token.issue"}),
        ("kind=signatures", {"public-key.register"}),
        ("kind=settings", {"repository.description"}),
    ],
)
def test_the_log_is_narrowed_to_kinds(
    web: Repository, owner: User, query: str, expected: set[str]
) -> None:
    AuditEvent.objects.all()._raw_delete("default")
    for action in (
        "manifest.push",
        "tag.delete",
        "manifest.refuse",
        "repository.grant",
        "retention.rules",
        "robot.token.issue",
        "public-key.register",
        "repository.description",
    ):
        happen("acme/web", action)

    lines = browser(owner).get(f"{NAMESPACE}?{query}").context["lines"]

    assert {line.event.action for line in lines} == expected


def test_a_narrowed_log_is_exported_as_it_is_narrowed(web: Repository, owner: User) -> None:
    happen(action="tag.delete")
    happen(action="tag.restore")

    text = browser(owner).get(f"{REPOSITORY}?kind=pushes&kind=rules").text

    assert 'href="/acme/web/-/activity.csv?kind=pushes&amp;kind=rules"' in text


def test_every_one_of_the_eight_kinds_has_actions() -> None:
    assert {kind_of(action) for action in actions()} == set(dict(KINDS))


@pytest.mark.parametrize(
    "value", ["2026-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00", "2026-12-02", "2026-12-02T15:33"]
)
def test_what_is_no_moment_is_told_as_text(value: str) -> None:
    assert fact_of(value) == value


def test_a_moment_is_told_in_the_zone_of_whoever_reads(web: Repository, owner: User) -> None:
    end = "2026-12-02T17:33:11.827723+02:00"
    Actor("carol", "").did(
        "tag.expiry", "acme/web:v1", now=NOW, repository="acme/web", expires_at=end
    )

    page = browser(owner).get(REPOSITORY).content.decode()

    assert 'expires at: <time class="b-nowrap" datetime="2026-12-02T15:33:11+00:00"' in page
