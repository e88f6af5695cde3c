"""The time machine, rules for immutable tags, and the overview of a repository's rules."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import Namespace, User
from registry.repositories.models import Repository
from registry.retention.rules import Rule, RuleKind
from registry.retention.services import set_rules
from registry.tags.immutability import MAX_RULES, add_immutability_rule
from registry.tags.models import ImmutabilityRule, Tag
from registry.tags.services import delete_tag
from registry.tags.time_machine import set_time_machine
from tests.registry.builders import NOW, hold, image, make_repository, push
from tests.registry.retention.tags import push_tags
from tests.ui.browsing import browser
from ui.rules import immutability, time_machine

pytestmark = pytest.mark.django_db

MACHINE = "/acme/-/time-machine"
IMMUTABLE = "/acme/-/immutable"


@pytest.fixture
def owner(repository: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def acme() -> Namespace:
    return Namespace.objects.get(name="acme")


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def ended(repository: Repository, name: str, *, days_ago: float) -> None:
    """A tag that ended so long ago."""
    hold(repository, b"{}")
    push(repository, image(b"{}", annotations={"of": name}), name)
    delete_tag(repository=repository, name=name, now=timezone.now() - timedelta(days=days_ago))


# --- The time machine ---------------------------------------------------------------------------


def test_the_time_machine_says_what_holds(owner: Client) -> None:
    shown = page(owner, MACHINE)

    assert "As the configuration says: 2 weeks" in shown
    assert "What the configuration says." in shown


def test_before_it_is_shortened_the_tags_that_would_be_lost_are_named(
    owner: Client, repository: Repository
) -> None:
    ended(repository, "lost", days_ago=3)
    ended(repository, "kept", days_ago=0.5)
    ended(repository, "gone", days_ago=30)
    other = make_repository("umbrella/web")
    ended(other, "foreign", days_ago=3)

    shown = page(owner, f"{MACHINE}?lifetime=1d")

    assert "From 2 weeks to 1 day" in shown
    assert "<b>1 tag</b> that ended can be restored now and could not any more." in shown
    assert ">lost<" in shown
    assert not any(f">{name}<" in shown for name in ("kept", "gone", "foreign"))
    assert acme().tag_expiration_seconds is None


def test_many_lost_tags_are_not_all_counted_or_named(
    owner: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_machine, "COUNTED", 2)
    monkeypatch.setattr(time_machine, "NAMED", 1)
    for name in "abc":
        ended(repository, name, days_ago=3)

    shown = page(owner, f"{MACHINE}?lifetime=0s")

    assert "<b>More than 2 tags</b>" in shown
    assert "The first 1 of them, by repository and name." in shown


def test_a_longer_time_machine_loses_nothing(owner: Client, repository: Repository) -> None:
    ended(repository, "v1", days_ago=3)

    assert "Tags that ended stay longer" in page(owner, f"{MACHINE}?lifetime=4w")


def test_the_time_is_chosen_and_taken_back(owner: Client) -> None:
    answer = owner.post(MACHINE, {"lifetime": "4w"}, follow=True)

    assert "Ended tags can now be restored for 4 weeks." in answer.content.decode()
    assert acme().tag_expiration_seconds == 4 * 7 * 86_400
    assert AuditEvent.objects.get(action="namespace.time-machine").actor == "acme-owner"
    owner.post(MACHINE, {"lifetime": "default"})
    assert acme().tag_expiration_seconds is None


@pytest.mark.parametrize("lifetime", ["3d", "x", "-1d", "9" * 400])
def test_other_times_are_refused(owner: Client, lifetime: str) -> None:
    assert "not one of the times" in page(owner, f"{MACHINE}?lifetime={lifetime}", 422)
    answer = owner.post(MACHINE, {"lifetime": lifetime})

    assert answer.status_code == 422
    assert 'class="b-error"' in answer.content.decode()
    assert acme().tag_expiration_seconds is None


def test_where_nobody_may_choose_there_is_no_form(owner: Client, settings: Settings) -> None:
    settings.FEATURE_CHANGE_TAG_EXPIRATION = False

    assert "The configuration decides this for everybody" in page(owner, MACHINE)
    assert owner.post(MACHINE, {"lifetime": "1d"}).status_code == 422


# --- Immutable tags -----------------------------------------------------------------------------


def test_a_rule_is_tried_on_the_tags_of_now_and_then_added(
    owner: Client, repository: Repository
) -> None:
    push_tags(repository, "v1", "v2", "latest")

    shown = page(owner, f"{IMMUTABLE}?pattern=v*&syntax=glob")
    assert "2 of all 3 tags" in shown
    assert ">v1<" in shown
    assert ">latest<" not in shown
    assert not ImmutabilityRule.objects.exists()

    answer = owner.post(IMMUTABLE, {"pattern": "v*", "syntax": "glob"}, follow=True)
    assert "Tags pushed from now on are immutable: v*." in answer.content.decode()
    assert ImmutabilityRule.objects.get().namespace == acme()
    assert not Tag.objects.filter(is_immutable=True).exists()


def test_a_rule_can_be_for_all_but_some(owner: Client, repository: Repository) -> None:
    push_tags(repository, "v1", "latest")

    shown = page(owner, f"{IMMUTABLE}?pattern=^v&syntax=regex&is_inverted=on")
    assert "1 of all 2 tags" in shown
    assert 'name="is_inverted" value="on"' in shown
    owner.post(IMMUTABLE, {"pattern": "^v", "syntax": "regex", "is_inverted": "on"})

    assert ImmutabilityRule.objects.get().sentence == "all tags but /^v/"


def test_the_preview_is_honest_about_its_bounds(
    owner: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(immutability, "LOOKED_AT", 2)
    monkeypatch.setattr(immutability, "NAMED", 1)
    push_tags(repository, "v1", "v2", "v3")

    shown = page(owner, f"{IMMUTABLE}?pattern=v*&syntax=glob")

    assert "2 of the first 2 tags; the first 1 of them are shown" in shown


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"pattern": "(", "syntax": "regex"}, "is no pattern that can be used"),
        ({"pattern": "", "syntax": "glob"}, "This field is required."),
        ({"pattern": "ä", "syntax": "glob"}, "has characters that no tag can have"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_beside_its_field(
    owner: Client, sent: dict[str, str], sentence: str
) -> None:
    for answer in (owner.get(IMMUTABLE, sent), owner.post(IMMUTABLE, sent)):
        assert answer.status_code == 422
        assert sentence in answer.context["form"].errors["pattern"][0]
    assert not ImmutabilityRule.objects.exists()


def test_there_is_a_most_of_rules(owner: Client) -> None:
    for _ in range(MAX_RULES):
        add_immutability_rule(place=acme(), pattern="v", syntax="glob", is_inverted=False, now=NOW)

    answer = owner.post(IMMUTABLE, {"pattern": "w", "syntax": "glob"})

    assert answer.status_code == 422
    assert "which is the most there can be." in answer.context["form"].errors["pattern"][0]


def test_a_rule_is_removed_after_it_was_said_what_that_means(owner: Client) -> None:
    rule = add_immutability_rule(
        place=acme(), pattern="v*", syntax="glob", is_inverted=False, now=NOW
    )
    address = f"{IMMUTABLE}/{rule.pk}/remove"

    assert "Tags that it made immutable stay so." in page(owner, address)
    owner.post(address)

    assert not ImmutabilityRule.objects.exists()
    assert AuditEvent.objects.get(action="immutability.rule.remove").actor == "acme-owner"


def test_the_rule_of_another_place_cannot_be_removed(owner: Client, repository: Repository) -> None:
    make_repository("umbrella/web")
    foreign = add_immutability_rule(
        place=Namespace.objects.get(name="umbrella"),
        pattern="v*",
        syntax="glob",
        is_inverted=False,
        now=NOW,
    )

    for address in (f"{IMMUTABLE}/{foreign.pk}/remove", f"{IMMUTABLE}/{10**30}/remove"):
        assert owner.post(address).status_code == 404
    own = add_immutability_rule(
        place=repository, pattern="v*", syntax="glob", is_inverted=False, now=NOW
    )
    assert owner.post(f"{IMMUTABLE}/{own.pk}/remove").status_code == 404
    assert owner.post(f"/acme/web/-/rules/immutable/{foreign.pk}/remove").status_code == 404
    assert ImmutabilityRule.objects.count() == 2


def test_a_repository_shows_its_rules_and_those_of_its_namespace(
    owner: Client, repository: Repository
) -> None:
    for place, pattern in ((acme(), "all-*"), (repository, "own-*")):
        add_immutability_rule(
            place=place, pattern=pattern, syntax="glob", is_inverted=False, now=NOW
        )

    shown = page(owner, "/acme/web/-/rules/immutable")

    assert "Rules of acme hold here too: <code>all-*</code>" in shown
    assert "<code>own-*</code></span>" in shown


# --- The overview -------------------------------------------------------------------------------


def test_the_overview_names_every_rule_that_holds(owner: Client, repository: Repository) -> None:
    set_rules(place=acme(), rules=[Rule(RuleKind.NUMBER_OF_TAGS, 7)], now=NOW)
    set_time_machine(namespace=acme(), lifetime="1w", now=NOW)
    add_immutability_rule(place=acme(), pattern="v*", syntax="glob", is_inverted=False, now=NOW)

    shown = page(owner, "/acme/web/-/rules")

    assert "keep the newest 7 of all tags and remove the others" in shown
    assert "can be restored for 1 week" in shown
    assert "<code>v*</code>, by a rule of acme" in shown
    assert "Nothing is required: everything can be pulled." in shown
    assert "the default where the configuration has no ALLOWED_OCI_ARTIFACT_TYPES" in shown


@pytest.mark.parametrize(
    "address",
    [f"{MACHINE}?lifetime=0s", f"{IMMUTABLE}?pattern=v*&syntax=glob", "/acme/web/-/rules"],
)
def test_more_tags_take_no_more_queries(
    owner: Client, repository: Repository, address: str
) -> None:
    ended(repository, "v0", days_ago=1)
    push_tags(repository, "v1")
    owner.get(address)
    few = queries(owner, address)

    push_tags(repository, *(f"v1{number}" for number in range(30)))
    for number in range(10):
        ended(repository, f"e{number}", days_ago=1)

    assert queries(owner, address) == few


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
