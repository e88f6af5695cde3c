"""When rules are applied by themselves."""

from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository
from registry.retention.models import RetentionRule, RetentionRun
from registry.retention.rules import Rule
from registry.retention.services import set_rules
from registry.retention.tasks import run as task
from registry.retention.tasks import sweep
from tests.registry.builders import NOW, make_repository
from tests.registry.retention.tags import AGE, DAY, HOUR, LATER, NUMBER, alive, push_tags, rules

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def swept(at: datetime, limit: int = 10) -> int:
    return sweep(now=at, limit=limit)


def test_rules_are_applied_when_the_first_sweep_comes(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")
    rules(repository, Rule(NUMBER, 1))

    assert swept(LATER) == 1
    assert alive(repository) == {"v2"}


def test_then_not_again_for_an_hour(repository: Repository) -> None:
    rules(repository, Rule(AGE, 1))
    swept(LATER)
    push_tags(repository, "v1", by=LATER)

    assert swept(LATER + HOUR - MINUTE) == 0
    assert alive(repository, LATER + HOUR) == {"v1"}
    assert swept(LATER + HOUR) == 1
    assert alive(repository, LATER + HOUR) == set()


def test_the_interval_is_configured(repository: Repository, settings: Settings) -> None:
    settings.AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES = 5
    rules(repository, Rule(AGE, 1))
    swept(LATER)

    assert swept(LATER + 4 * MINUTE) == 0
    assert swept(LATER + 5 * MINUTE) == 1


def test_repositories_without_rules_are_left_alone(repository: Repository) -> None:
    push_tags(repository, "v1")
    rules(make_repository("acme/other"), Rule(AGE, 1))

    assert swept(LATER) == 1
    assert alive(repository) == {"v1"}
    assert RetentionRun.objects.get().repository.path == "acme/other"


def test_an_organization_s_rules_are_applied_in_each_repository(repository: Repository) -> None:
    other, foreign = make_repository("acme/other"), make_repository("foreign/web")
    for one in (repository, other, foreign):
        push_tags(one, "v1")
    set_rules(place=repository.namespace, rules=[Rule(AGE, 1)], now=NOW)

    assert swept(LATER) == 2
    assert [alive(one) for one in (repository, other, foreign)] == [set(), set(), {"v1"}]


def test_each_sweep_takes_those_that_wait_longest(repository: Repository) -> None:
    for name in ("a", "b", "c"):
        make_repository(f"acme/{name}")
    set_rules(place=repository.namespace, rules=[Rule(AGE, 1)], now=NOW)

    assert swept(LATER, limit=3) == 3
    assert swept(LATER + MINUTE, limit=3) == 1
    assert swept(LATER + MINUTE, limit=3) == 0
    assert swept(LATER + 2 * HOUR, limit=3) == 3
    assert swept(LATER + 2 * HOUR, limit=3) == 1


def test_the_configuration_s_rule_is_applied_once_a_day(
    repository: Repository, settings: Settings
) -> None:
    settings.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY = {"method": "creation_date", "value": "1h"}
    push_tags(repository, "v1")

    assert swept(LATER) == 1
    assert alive(repository) == set()
    assert swept(LATER + DAY - MINUTE) == 0
    assert swept(LATER + DAY) == 1


def test_a_repository_that_cannot_be_done_does_not_stop_the_others(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    other = make_repository("acme/other")
    for one in (repository, other):
        push_tags(one, "v1")
        rules(one, Rule(AGE, 1))
    # Such a pattern cannot be saved; a library of another version may know fewer.
    RetentionRule.objects.filter(repository=repository).update(pattern="(", syntax="regex")

    assert swept(LATER) == 2
    assert [alive(one) for one in (repository, other)] == [{"v1"}, set()]
    assert "cannot apply the retention rules of acme/web" in caplog.text


def test_nothing_happens_where_retention_is_switched_off(
    repository: Repository, settings: Settings
) -> None:
    settings.FEATURE_AUTO_PRUNE = False
    push_tags(repository, "v1")
    rules(repository, Rule(AGE, 1))

    assert swept(LATER) == 0
    assert alive(repository) == {"v1"}


def test_the_job_applies_what_is_due(repository: Repository) -> None:
    push_tags(repository, "v1")
    rules(repository, Rule(AGE, 1))

    task()

    assert alive(repository) == set()


def test_rules_do_nothing_in_a_deleted_repository(repository: Repository) -> None:
    push_tags(repository, "v1")
    rules(repository, Rule(AGE, 1))

    delete_repository(repository=repository, now=LATER)

    assert swept(LATER) == 0
    assert alive(repository) == {"v1"}
    assert RetentionRule.objects.exists()
    assert not RetentionRun.objects.exists()
