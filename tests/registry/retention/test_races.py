"""Retention beside pushes and deletions. The same on SQLite and PostgreSQL."""

from collections.abc import Callable
from functools import partial

import pytest

from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.retention.models import RetentionRun
from registry.retention.rules import Rule
from registry.retention.services import Outcome, run
from registry.retention.tasks import sweep
from registry.tags.models import EndReason, Tag
from registry.tags.services import delete_tag, set_immutable
from tests.registry.builders import hold, make_repository, push
from tests.registry.retention.tags import (
    AGE,
    DAY,
    LATER,
    NUMBER,
    PULL,
    alive,
    companion,
    push_tags,
    rules,
    seconds,
    sign,
    some_image,
)
from tests.threads import Aside, at_once, held_open, meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO = some_image(1), some_image(2)
# The statement that reads a page of tags, and the one that locks them to end them.
PAGE = '"tags_tag"."name" > '
LOCK = '"tags_tag"."id" IN ('


@pytest.fixture
def repository() -> Repository:
    made = make_repository()
    hold(made, b"{}")
    return made


def move(repository: Repository) -> None:
    push(repository, TWO, "v1", now=LATER + DAY)


def fix(repository: Repository) -> None:
    set_immutable(repository=repository, name="v1", is_immutable=True, now=LATER)


def pull(repository: Repository) -> None:
    Manifest.objects.filter(repository=repository).update(last_pulled_at=LATER)


def delete(repository: Repository) -> None:
    delete_tag(repository=repository, name="v1", now=LATER)


@pytest.mark.parametrize(
    ("change", "left", "ended"),
    [
        (move, {"v1"}, EndReason.MOVE),
        (fix, {"v1"}, ""),
        (pull, {"v1"}, ""),
        (delete, set(), EndReason.DELETE),
    ],
)
def test_what_happens_to_a_tag_after_it_was_chosen_counts(
    repository: Repository,
    change: Callable[[Repository], None],
    left: set[str],
    ended: str,
) -> None:
    push(repository, ONE, "v1")
    rules(repository, Rule(PULL, seconds(1)))

    with meanwhile(after=PAGE, do=lambda: Aside(partial(change, repository))) as aside:
        outcome = run(repository=repository, now=LATER)

    assert aside().result() is None
    assert outcome == Outcome()
    assert alive(repository, LATER + 2 * DAY) == left
    assert Tag.objects.order_by("pk")[0].end_reason == ended


def test_a_tag_that_a_push_holds_is_left_to_the_next_run(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")
    rules(repository, Rule(AGE, 1))

    with held_open():
        push(repository, TWO, "v1", now=LATER)
        aside = Aside(partial(run, repository=repository, now=LATER))
        aside.waits()

    assert aside.result() == Outcome(tags=1)
    assert alive(repository) == {"v1"}


def test_a_push_behind_a_run_makes_the_tag_anew(repository: Repository) -> None:
    push(repository, ONE, "v1")
    rules(repository, Rule(AGE, 1))

    with meanwhile(
        after=LOCK, do=lambda: Aside(partial(push, repository, ONE, "v1", now=LATER + DAY))
    ) as aside:
        run(repository=repository, now=LATER)

    assert isinstance(aside().result(), Manifest)
    assert alive(repository, LATER + 2 * DAY) == {"v1"}
    first, second = Tag.objects.order_by("pk")
    assert (first.end_reason, second.ended_at) == (EndReason.RETENTION, None)


def test_a_companion_stays_when_its_subject_is_tagged_anew_before_it_goes(
    repository: Repository,
) -> None:
    push(repository, ONE, "v1")
    sign(repository, ONE)
    rules(repository, Rule(AGE, 1))

    # The first look has read the subject's tags, and goes on to the indexes that list it.
    with meanwhile(
        after='"manifests_manifestchild"."child_digest" IN',
        do=lambda: Aside(partial(push, repository, ONE, "v2", now=LATER)),
    ) as aside:
        run(repository=repository, now=LATER)

    assert isinstance(aside().result(), Manifest)
    assert alive(repository) == {"v2", companion(ONE)}


def test_two_runs_at_once_remove_each_tag_once(repository: Repository) -> None:
    push_tags(repository, *[f"v{n}" for n in range(20)])
    rules(repository, Rule(NUMBER, 5))

    results = at_once(*[partial(run, repository=repository, now=LATER)] * 4)

    assert all(isinstance(result, Outcome) for result in results), results
    assert sum(result.tags for result in results if isinstance(result, Outcome)) == 15
    assert len(alive(repository)) == 5


def test_of_sweeps_at_once_one_runs(repository: Repository) -> None:
    push_tags(repository, "v1", "v2")
    rules(repository, Rule(NUMBER, 1))

    results = at_once(*[partial(sweep, now=LATER, limit=9)] * 4)

    assert sorted(results, key=str) == [0, 0, 0, 1]
    assert RetentionRun.objects.get().last_run_at == LATER
    assert alive(repository) == {"v2"}


def test_pushes_and_runs_do_not_deadlock(repository: Repository) -> None:
    bodies = [some_image(number) for number in range(8)]
    for body in bodies:
        push(repository, body, "v1", tags=("v2",))
        sign(repository, body)
    rules(repository, Rule(AGE, 1))

    pushes = [
        partial(push, repository, body, "v2", tags=("v1", f"x{n}"), now=LATER)
        for n, body in enumerate(bodies)
    ]
    results = at_once(*pushes, *[partial(run, repository=repository, now=LATER)] * 3)

    assert not [result for result in results if not isinstance(result, Manifest | Outcome)]
    assert {"v1", "v2", *[f"x{n}" for n in range(8)]} <= alive(repository)
