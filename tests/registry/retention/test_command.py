"""``manage.py retention``: what a person at a terminal sees."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from registry.repositories.models import Repository
from registry.retention.rules import Rule
from registry.retention.services import set_rules
from tests.registry.builders import NOW, hold, make_organization, make_repository, push
from tests.registry.retention.tags import (
    AGE,
    KEEP,
    NUMBER,
    alive,
    companion,
    glob,
    push_tags,
    rules,
    sign,
    some_image,
)

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("retention", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_each_tag_is_shown_with_its_rule(repository: Repository) -> None:
    push_tags(repository, "v1", "v2", "latest")
    rules(repository, Rule(KEEP, 0, glob("latest")), Rule(NUMBER, 1, glob("v*")))

    assert said("acme/web") == [
        "acme/web: rules of acme/web",
        "  rule 1: keep the tags latest",
        "  rule 2: keep the newest 1 of the tags v* and remove the others",
        "  keep    latest  rule 1: keep the tags latest",
        "  remove  v1  rule 2: keep the newest 1 of the tags v* and remove the others",
        "  keep    v2  rule 2: keep the newest 1 of the tags v* and remove the others",
    ]
    assert said("acme/web", "--preview") == said("acme/web")
    assert alive(repository) == {"latest", "v1", "v2"}


def test_a_run_says_how_many_went(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, some_image(), "v1")
    sign(repository, some_image())
    rules(repository, Rule(AGE, 1))

    lines = said("acme/web", "--run")

    assert f"  remove  {companion(some_image())}  it goes with its subject" in "\n".join(lines)
    assert lines[-1] == (
        "acme/web: removed 1 tags, and 1 with the manifests that they were attached to"
    )
    assert alive(repository) == set()
    assert AuditEvent.objects.get(action="retention.run").actor == "command line"


def test_an_organization_stands_for_all_its_repositories(repository: Repository) -> None:
    other = make_repository("acme/api")
    for one in (repository, other):
        push_tags(one, "v1", "v2")
    set_rules(place=repository.namespace, rules=[Rule(NUMBER, 1)], now=NOW)

    lines = said("acme", "--run")

    assert [line for line in lines if "rules of" in line] == [
        "acme/api: rules of acme",
        "acme/web: rules of acme",
    ]
    assert [alive(one) for one in (repository, other)] == [{"v2"}, {"v2"}]


def test_a_repository_without_rules_keeps_all(repository: Repository) -> None:
    push_tags(repository, "v1")

    assert said("acme/web") == ["acme/web: no rules", "  keep    v1  no rule removes it"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("acme/none", "there is no repository acme/none"),
        ("nobody", "nobody"),
        ("empty", "empty has no repositories"),
        ("Acme/Web", "invalid repository name"),
    ],
)
def test_what_is_not_there_is_told(repository: Repository, name: str, sentence: str) -> None:
    make_organization("empty")

    with pytest.raises(CommandError, match=sentence):
        said(name)


def test_a_run_is_refused_where_retention_is_switched_off(
    repository: Repository, settings: Settings
) -> None:
    settings.FEATURE_AUTO_PRUNE = False

    with pytest.raises(CommandError, match="FEATURE_AUTO_PRUNE"):
        said("acme/web", "--run")
