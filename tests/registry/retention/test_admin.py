"""Retention rules in the administration."""

from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from registry.repositories.models import Repository
from registry.retention.models import RetentionRule
from registry.retention.rules import Rule
from registry.retention.selection import rules_of
from tests.registry.builders import NOW, make_user
from tests.registry.retention.tags import AGE, KEEP, NUMBER, glob, regex, rules, seconds

pytestmark = pytest.mark.django_db

ADD = "admin:retention_retentionrule_add"
CHANGE = "admin:retention_retentionrule_change"
LIST = "admin:retention_retentionrule_changelist"


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_user("boss", is_superuser=True))
    return client


def form(**changed: Any) -> dict[str, Any]:
    return {
        "position": "1",
        "kind": "number_of_tags",
        "value": "10",
        "pattern": "",
        "syntax": "glob",
        "pattern_matches": "on",
        **changed,
    }


def test_rules_are_made_here_and_audited(admin: Client, repository: Repository) -> None:
    for position, changed in enumerate(
        [
            {"kind": "keep", "value": "", "pattern": "latest"},
            {"kind": "last_pull", "value": "30d", "pattern": "^v", "syntax": "regex"},
        ],
        1,
    ):
        data = form(repository=repository.pk, position=position, **changed)
        assert admin.post(reverse(ADD), data).status_code == 302

    assert rules_of(repository).rules == (
        Rule(KEEP, 0, glob("latest")),
        Rule.parse("last_pull", "30d", pattern="^v", syntax="regex"),
    )
    events = AuditEvent.objects.filter(action="retention-rule.create", actor="boss")
    assert events.count() == 2


def test_a_rule_is_shown_and_changed_as_people_write_it(
    admin: Client, repository: Repository
) -> None:
    rules(repository, Rule(AGE, seconds(14), regex("^v"), False))
    rule = RetentionRule.objects.get()

    assert b'value="2w"' in admin.get(reverse(CHANGE, args=[rule.pk])).content
    assert b"remove all but the tags /^v/ older than 2w" in admin.get(reverse(LIST)).content
    data = form(repository=repository.pk, value="5")
    assert admin.post(reverse(CHANGE, args=[rule.pk]), data).status_code == 302

    assert rules_of(repository).rules == (Rule(NUMBER, 5),)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"value": "0"}, "takes from 1 to"),
        ({"value": "ten"}, "is no number of tags"),
        ({"kind": "creation_date", "value": "10"}, "is no lifetime"),
        ({"pattern": "(", "syntax": "regex"}, "is no pattern that can be used"),
        ({"pattern_matches": ""}, "needs a pattern"),
        ({"kind": "nonsense"}, "is not one of the available choices"),
        ({"namespace": "1"}, "Choose an organization or a repository, not both."),
        ({"repository": ""}, "Choose an organization or a repository, not both."),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    admin: Client, repository: Repository, changed: dict[str, str], sentence: str
) -> None:
    if "namespace" in changed:
        changed = {"namespace": str(repository.namespace_id)}

    response = admin.post(reverse(ADD), form(**{"repository": repository.pk, **changed}))

    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert not RetentionRule.objects.exists()


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"namespace": None, "repository": None}, "a_retention_rule_has_one_place"),
        ({"value": 0}, "a_retention_rule_that_removes_has_a_value"),
        ({"pattern_matches": False}, "a_retention_rule_excepts_a_pattern"),
    ],
)
def test_the_database_refuses_it_too(
    repository: Repository, changed: dict[str, Any], constraint: str
) -> None:
    row = {"repository": repository, "kind": "number_of_tags", "value": 1, "created_at": NOW}

    with pytest.raises(IntegrityError, match=constraint):
        RetentionRule.objects.create(**{**row, **changed})
