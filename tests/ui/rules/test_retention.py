"""The editor of retention rules, its preview, and runs on demand."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import Namespace, User
from registry.repositories.models import Repository
from registry.retention.models import RetentionRule, RetentionRun
from registry.retention.rules import Rule
from registry.retention.selection import own_rules
from registry.retention.services import MAX_RULES, set_rules
from registry.tags.models import Tag
from tests.registry.builders import NOW, make_repository, make_user
from tests.registry.retention.tags import AGE, KEEP, NUMBER, PULL, glob, push_tags, regex, seconds
from tests.ui.browsing import browser
from ui.rules import retention as pages
from ui.rules.rule_forms import EXAMPLES

pytestmark = pytest.mark.django_db

ADDRESS = "/acme/-/retention"
KEEP_TWO = {"kind": "number_of_tags", "value": "2"}


@pytest.fixture
def owner(repository: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def sent(step: str, *rows: dict[str, str], **more: str) -> dict[str, str]:
    """What the form of the editor sends."""
    empty = {"value": "", "pattern": "", "syntax": "glob", "matches": "match"}
    fields = {
        f"rule-{number}-{key}": value
        for number, row in enumerate(rows)
        for key, value in {**empty, **row}.items()
    }
    return {**fields, "step": step, **more}


def kinds(answer: Any) -> list[str]:
    return [form["kind"].value() for form in answer.context["editor"].forms]


def acme() -> Namespace:
    return Namespace.objects.get(name="acme")


def page(client: Client, address: str = ADDRESS) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# --- The editor ---------------------------------------------------------------------------------


def test_without_rules_every_tag_stays(owner: Client) -> None:
    shown = page(owner)

    assert "There are no rules here. Every tag stays." in shown
    assert "No rules hold." in shown


def test_the_rules_that_hold_are_shown_with_their_source(
    owner: Client, repository: Repository, settings: Settings
) -> None:
    settings.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY = {"method": "creation_date", "value": "9d"}
    address = "/acme/web/-/rules/retention"

    assert "These are from DEFAULT_NAMESPACE_AUTOPRUNE_POLICY." in page(owner, address)
    set_rules(place=acme(), rules=[Rule(NUMBER, 3)], now=NOW)
    assert "acme/web has no rules of its own. These are from acme." in page(owner, address)
    set_rules(place=repository, rules=[Rule(KEEP)], now=NOW)
    shown = page(owner, address)
    assert "Rules of acme/web itself." in shown
    assert "those of acme would hold" in shown


def test_rules_are_added_moved_and_removed_without_being_kept(owner: Client) -> None:
    added = owner.post(ADDRESS, sent("add-keep", KEEP_TWO))
    assert kinds(added) == ["number_of_tags", "keep"]

    rows = [KEEP_TWO, {"kind": "keep"}, {"kind": "last_pull", "value": "9d"}]
    assert kinds(owner.post(ADDRESS, sent("up-2", *rows))) == [
        "number_of_tags",
        "last_pull",
        "keep",
    ]
    assert kinds(owner.post(ADDRESS, sent("down-0", *rows))) == [
        "keep",
        "number_of_tags",
        "last_pull",
    ]
    assert kinds(owner.post(ADDRESS, sent("remove-1", *rows))) == ["number_of_tags", "last_pull"]
    assert not RetentionRule.objects.exists()


@pytest.mark.parametrize("name", EXAMPLES)
def test_rules_that_many_want_are_written_and_can_be_saved(owner: Client, name: str) -> None:
    written = owner.post(ADDRESS, sent(f"example-{name}", KEEP_TWO))
    rows = EXAMPLES[name].rows

    assert kinds(written) == [row["kind"] for row in rows]
    assert not RetentionRule.objects.exists()
    assert owner.post(ADDRESS, sent("save", *rows)).status_code == 302


@pytest.mark.parametrize(
    "step",
    ["example-x", "up-0", "down-1", "up-9", "remove-7", "add-x", "up-", "up--1", "up-²", "x", ""],
)
def test_a_step_that_cannot_be_taken_changes_nothing(owner: Client, step: str) -> None:
    answer = owner.post(ADDRESS, sent(step, KEEP_TWO, {"kind": "keep"}))

    assert answer.status_code == 200
    assert kinds(answer) == ["number_of_tags", "keep"]


def test_what_was_typed_survives_a_step(owner: Client) -> None:
    row = {"kind": "keep", "value": "x", "pattern": '"><b>', "syntax": "regex", "matches": "except"}

    shown = owner.post(ADDRESS, sent("add-keep", row)).content.decode()

    assert 'value="&quot;&gt;&lt;b&gt;"' in shown
    assert '<option value="regex" selected>' in shown
    assert '<option value="except" selected>' in shown


@pytest.mark.parametrize(
    ("row", "field", "sentence"),
    [
        ({"kind": "number_of_tags", "value": "many"}, "value", "is no number of tags."),
        ({"kind": "number_of_tags", "value": "0"}, "value", "takes from 1 to"),
        ({"kind": "creation_date", "value": "30"}, "value", "is no lifetime"),
        ({"kind": "keep", "pattern": "(", "syntax": "regex"}, "pattern", "is no pattern"),
        ({"kind": "keep", "matches": "except"}, "pattern", "needs a pattern."),
        ({"kind": "nonsense"}, "kind", "is not one of the available choices"),
    ],
)
def test_a_refusal_stands_beside_its_field(
    owner: Client, row: dict[str, str], field: str, sentence: str
) -> None:
    answer = owner.post(ADDRESS, sent("preview", KEEP_TWO, row))

    assert answer.status_code == 422
    fine, wrong = answer.context["editor"].forms
    assert not fine.errors
    assert list(wrong.errors) == [field]
    assert sentence in wrong.errors[field][0]


def test_there_is_no_end_of_rules_but_one(owner: Client) -> None:
    rows = [{"kind": "keep"}] * (MAX_RULES + 5)

    answer = owner.post(ADDRESS, sent("save", *rows))

    assert answer.status_code == 422
    assert "Acme can have at most 50 retention rules." in answer.content.decode()
    assert not RetentionRule.objects.exists()


# --- Preview and saving -------------------------------------------------------------------------


def test_proposed_rules_are_shown_at_work_before_they_are_saved(
    owner: Client, repository: Repository
) -> None:
    push_tags(repository, "a", "b", "c")

    answer = owner.post(ADDRESS, sent("preview", KEEP_TWO))

    shown = " ".join(answer.content.decode().split())
    assert "<b>1 would be removed</b>, 2 would stay" in shown
    assert "rule 1: keep the newest 2 of all tags and remove the others" in shown
    assert not RetentionRule.objects.exists()


def test_saving_replaces_all_rules_in_their_order_and_is_audited(owner: Client) -> None:
    set_rules(place=acme(), rules=[Rule(KEEP)], now=NOW)
    rows = [
        {"kind": "keep", "pattern": "v*", "matches": "except"},
        {"kind": "number_of_tags", "value": "3", "pattern": "^n", "syntax": "regex"},
        {"kind": "creation_date", "value": "30d"},
        {"kind": "last_pull", "value": "2w"},
    ]

    answer = owner.post(ADDRESS, sent("save", *rows), follow=True)

    assert "The rules were saved." in answer.content.decode()
    assert own_rules(acme()) == (
        Rule(KEEP, 0, glob("v*"), False),
        Rule(NUMBER, 3, regex("^n")),
        Rule(AGE, seconds(30)),
        Rule(PULL, seconds(14)),
    )
    event = AuditEvent.objects.filter(action="retention.rules").latest("pk")
    assert (event.actor, event.target) == ("acme-owner", "acme")


def test_the_editor_shows_saved_rules_as_they_were_written(owner: Client) -> None:
    rows = [{"kind": "keep"}, {"kind": "creation_date", "value": "36h", "pattern": "v*"}]
    owner.post(ADDRESS, sent("save", *rows))

    forms = owner.get(ADDRESS).context["editor"].forms

    assert [form["value"].value() for form in forms] == ["", "36h"]
    assert forms[1]["pattern"].value() == "v*"


def test_without_rows_the_rules_of_above_are_shown_at_work(
    owner: Client, repository: Repository
) -> None:
    push_tags(repository, "a", "b")
    set_rules(place=acme(), rules=[Rule(NUMBER, 1)], now=NOW)
    set_rules(place=repository, rules=[Rule(KEEP)], now=NOW)

    answer = owner.post("/acme/web/-/rules/retention", sent("preview"))

    shown = " ".join(answer.content.decode().split())
    assert "acme/web will have no rules. Those of acme hold then:" in shown
    assert "<b>1 would be removed</b>, 1 would stay" in shown


def test_a_preview_goes_from_page_to_page_with_the_rules_in_the_form(
    owner: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    push_tags(repository, "a", "b", "c")

    first = owner.post(ADDRESS, sent("preview", KEEP_TWO))
    after = first.context["preview"].next_after
    second = owner.post(ADDRESS, sent("further", KEEP_TWO, after=after, repository="acme/web"))

    assert "Of the first 2 tags" in first.content.decode()
    assert [one.tag.name for one in second.context["preview"].decisions] == ["c"]
    assert 'name="rule-0-kind" value="number_of_tags"' in second.content.decode()


def test_a_preview_says_what_it_did_not_count(
    owner: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "COUNTED", 1)
    push_tags(repository, "a", "b", "c")

    shown = " ".join(owner.post(ADDRESS, sent("preview", KEEP_TWO)).content.decode().split())

    assert "2 are open: the preview counts the newest 1 tags of a repository, a run all" in shown


def test_the_preview_of_a_namespace_goes_through_its_repositories(
    owner: Client, repository: Repository
) -> None:
    own = make_repository("acme/zoo")
    make_repository("umbrella/web")
    set_rules(place=own, rules=[Rule(KEEP)], now=NOW)

    def shown(step: str, repository: str = "") -> str:
        answer = owner.post(ADDRESS, sent(step, KEEP_TWO, repository=repository))
        return str(answer.context["preview"].repository.path)

    assert shown("preview") == "acme/web"
    assert shown("other", "acme/web") == "acme/zoo"
    assert shown("other", "acme/zoo") == "acme/web"
    assert shown("preview", "zoo") == "acme/zoo"
    assert shown("preview", "umbrella/web") == "acme/web"
    assert shown("preview", "\x00ä") == "acme/web"
    answer = owner.post(ADDRESS, sent("preview", KEEP_TWO, repository="acme/zoo"))
    assert "acme/zoo has rules of its own" in answer.content.decode()


def test_a_namespace_without_repositories_has_nothing_to_preview() -> None:
    alice = browser(make_user())

    answer = alice.post("/alice/-/retention", sent("preview", KEEP_TWO))

    assert "There are no repositories here yet." in answer.content.decode()


# --- Runs ---------------------------------------------------------------------------------------


def test_save_and_run_now_makes_the_repository_due(owner: Client, repository: Repository) -> None:
    RetentionRun.objects.create(repository=repository, last_run_at=NOW)

    owner.post("/acme/web/-/rules/retention", sent("run", KEEP_TWO))

    assert own_rules(repository) == (Rule(NUMBER, 2),)
    assert not RetentionRun.objects.exists()


def test_a_run_is_confirmed_with_its_preview(owner: Client, repository: Repository) -> None:
    push_tags(repository, "a", "b", "c")
    set_rules(place=acme(), rules=[Rule(NUMBER, 1)], now=NOW)
    RetentionRun.objects.create(repository=repository, last_run_at=NOW)

    assert "<b>2 would be removed</b>" in page(owner, f"{ADDRESS}/run")
    answer = owner.post(f"{ADDRESS}/run", follow=True)

    assert "will be applied in the background" in answer.content.decode()
    assert not RetentionRun.objects.exists()
    assert Tag.objects.live().count() == 3
    assert AuditEvent.objects.get(action="retention.run.request").actor == "acme-owner"


def test_where_retention_is_off_nothing_is_run(owner: Client, settings: Settings) -> None:
    settings.FEATURE_AUTO_PRUNE = False
    set_rules(place=acme(), rules=[Rule(NUMBER, 1)], now=NOW)

    assert "Retention is switched off in the configuration" in page(owner)
    answer = owner.post(f"{ADDRESS}/run")

    assert answer.status_code == 422
    assert "Retention is switched off (FEATURE_AUTO_PRUNE)." in answer.content.decode()


# --- Bounds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/run", "/acme/web/-/rules/retention/run"])
def test_more_tags_and_repositories_take_no_more_queries(
    owner: Client, repository: Repository, address: str
) -> None:
    set_rules(place=acme(), rules=[Rule(NUMBER, 3), Rule(AGE, 60)], now=NOW)
    push_tags(repository, "a")
    owner.get(address)
    few = queries(owner, address)

    push_tags(repository, *(f"v{number}" for number in range(30)))
    for number in range(5):
        make_repository(f"acme/r{number}")

    assert queries(owner, address) == few


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
