"""Which tags ordered rules keep: no database, only tables."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.oci.companions import beginning_of, companion_names, subject_of
from registry.retention.rules import Plan, Rule, RuleInvalid, TagFacts, rule_of_policy
from tests.registry.builders import NOW
from tests.registry.retention.tags import (
    AGE,
    DAY,
    HOUR,
    KEEP,
    NUMBER,
    PULL,
    glob,
    regex,
    seconds,
)

SHA256, SHA512 = "sha256:" + "a" * 64, "sha512:" + "b" * 128

# Pushed a day apart, v9 last; v4 was pulled an hour ago. All ten together are "ten".
TEN = [
    TagFacts(f"v{n}", SHA256, NOW - (10 - n) * DAY, NOW - HOUR if n == 4 else None)
    for n in range(10)
]
OTHERS = [TagFacts(name, SHA256, NOW - 400 * DAY) for name in ("latest", "nightly-1", "nightly-2")]


def kept(tags: list[TagFacts], *rules: Rule) -> str:
    """The names of the tags that stay, in alphabetical order."""
    newest_first = sorted(tags, key=lambda tag: tag.position, reverse=True)
    plan = Plan.of(rules, newest_first, NOW)
    return " ".join(sorted(tag.name for tag in tags if plan.decide(tag).is_kept))


ALL = "latest nightly-1 nightly-2 v0 v1 v2 v3 v4 v5 v6 v7 v8 v9"

TABLE = {
    "no rule removes nothing": ([], ALL),
    "the newest": ([Rule(NUMBER, 3)], "v7 v8 v9"),
    "the newest of a pattern": (
        [Rule(NUMBER, 3, glob("v*"))],
        "latest nightly-1 nightly-2 v7 v8 v9",
    ),
    "the newest of a regular expression": (
        [Rule(NUMBER, 1, regex("[05]$"))],
        "latest nightly-1 nightly-2 v1 v2 v3 v4 v5 v6 v7 v8 v9",
    ),
    "the newest of all but a pattern": (
        [Rule(NUMBER, 1, glob("v*"), False)],
        "nightly-2 v0 v1 v2 v3 v4 v5 v6 v7 v8 v9",
    ),
    "more than there are": ([Rule(NUMBER, 99)], ALL),
    "by age": ([Rule(AGE, seconds(3))], "v7 v8 v9"),
    "by age, of a pattern": (
        [Rule(AGE, seconds(3), glob("nightly-*"))],
        "latest v0 v1 v2 v3 v4 v5 v6 v7 v8 v9",
    ),
    "by last pull, or push where nobody pulled": ([Rule(PULL, seconds(3))], "v4 v7 v8 v9"),
    "kept first, whatever comes later": (
        [Rule(KEEP, 0, glob("latest")), Rule(NUMBER, 2)],
        "latest v8 v9",
    ),
    "what an earlier rule keeps is not counted by a later one": (
        [Rule(KEEP, 0, glob("v[89]")), Rule(NUMBER, 2)],
        "v6 v7 v8 v9",
    ),
    "what an earlier rule removes is not counted by a later one": (
        [Rule(AGE, seconds(3), glob("v*")), Rule(NUMBER, 4)],
        "nightly-2 v7 v8 v9",
    ),
    "a rule that counts decides all it covers: age never comes to a word": (
        [Rule(NUMBER, 12), Rule(AGE, seconds(1))],
        "nightly-1 nightly-2 v0 v1 v2 v3 v4 v5 v6 v7 v8 v9",
    ),
    "the newest in any case, of the others the young ones": (
        [Rule(KEEP, 2), Rule(AGE, seconds(5))],
        "v5 v6 v7 v8 v9",
    ),
    "the newest in any case, however old": (
        [Rule(KEEP, 2), Rule(AGE, seconds(0.5))],
        "v8 v9",
    ),
    "rules for different tags": (
        [Rule(NUMBER, 1, glob("nightly-*")), Rule(NUMBER, 2, glob("v*"))],
        "latest nightly-2 v8 v9",
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_first_rule_that_says_something_decides(case: str) -> None:
    rules, expected = TABLE[case]

    assert kept([*TEN, *OTHERS], *rules) == expected


def test_a_decision_names_its_rule_in_words() -> None:
    rules = [Rule(KEEP, 0, glob("latest")), Rule(NUMBER, 1, regex("^v"))]
    tags = sorted([*TEN, *OTHERS], key=lambda tag: tag.position, reverse=True)
    plan = Plan.of(rules, tags, NOW)

    said = {tag.name: plan.decide(tag) for tag in tags}

    assert (said["latest"].is_kept, said["latest"].rule) == (True, 1)
    assert said["latest"].reason == "rule 1: keep the tags latest"
    assert said["v9"].reason == "rule 2: keep the newest 1 of the tags /^v/ and remove the others"
    assert (said["v8"].is_kept, said["v8"].rule) == (False, 2)
    assert (said["nightly-1"].reason, said["nightly-1"].rule) == ("no rule removes it", None)


def test_an_age_that_is_just_reached_does_not_remove() -> None:
    assert kept([TagFacts("v1", SHA256, NOW - DAY)], Rule(AGE, seconds(1))) == "v1"
    older = TagFacts("v1", SHA256, NOW - DAY - timedelta(microseconds=1))
    assert kept([older], Rule(AGE, seconds(1))) == ""


def test_a_pull_counts_to_the_end_of_the_hour_in_which_it_was_noted() -> None:
    pulled = TagFacts("v1", SHA256, NOW - 9 * DAY, NOW - DAY - HOUR)

    assert kept([pulled], Rule(PULL, seconds(1))) == "v1"
    assert kept([pulled], Rule(PULL, seconds(1) - 1)) == ""


def test_a_pull_from_before_the_tag_pointed_there_does_not_make_it_older() -> None:
    assert kept([TagFacts("v1", SHA256, NOW - DAY, NOW - 9 * DAY)], Rule(PULL, seconds(2))) == "v1"


def test_immutable_tags_stay_and_are_not_counted() -> None:
    fixed = [
        TagFacts(f"fixed-{n}", SHA256, NOW - timedelta(minutes=n), is_immutable=True)
        for n in (1, 2)
    ]

    assert kept([*TEN, *fixed], Rule(NUMBER, 1)) == "fixed-1 fixed-2 v9"
    assert kept(fixed, Rule(AGE, 1)) == "fixed-1 fixed-2"


def test_companions_are_not_counted() -> None:
    signature = TagFacts(f"sha256-{'a' * 64}.sig", SHA256, NOW)
    newest_first = [signature, *sorted(TEN, key=lambda tag: tag.position, reverse=True)]

    plan = Plan.of([Rule(NUMBER, 1)], newest_first, NOW)

    assert [tag.name for tag in TEN if plan.decide(tag).is_kept] == ["v9"]


def test_of_tags_of_the_same_moment_the_last_by_name_is_the_newest() -> None:
    tags = [TagFacts(name, SHA256, NOW) for name in ("b", "c", "a")]

    assert kept(tags, Rule(NUMBER, 2)) == "b c"


@pytest.mark.parametrize("digest", [SHA256, SHA512])
def test_companions_are_named_as_garbage_collection_knows_them(digest: str) -> None:
    names = companion_names(digest)

    assert len(names) == 4
    assert {subject_of(name) for name in names} == {beginning_of(digest)}


@pytest.mark.parametrize(
    "name",
    [
        "latest",
        "sha256-",
        f"sha256-{'a' * 63}",
        f"sha256-{'a' * 64}.txt",
        f"sha256-{'A' * 64}.sig",
        f"x-sha256-{'a' * 64}",
        f"md5-{'a' * 64}",
    ],
)
def test_other_tags_are_ordinary(name: str) -> None:
    assert subject_of(name) is None


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("number_of_tags", "10", "keep the newest 10 of all tags and remove the others"),
        ("creation_date", "30d", "remove all tags older than 30d"),
        ("last_pull", "1y", "remove all tags that nobody pulled for 1y"),
        ("last_pull", "90s", "remove all tags that nobody pulled for 90s"),
        ("keep", "", "keep all tags"),
        ("keep", "5", "keep the newest 5 of all tags"),
    ],
)
def test_a_rule_reads_as_a_sentence(kind: str, value: str, said: str) -> None:
    assert str(Rule.parse(kind, value)) == said
    assert str(Rule.parse(kind, Rule.parse(kind, value).shown_value)) == said


def test_a_rule_for_all_but_a_pattern_says_so() -> None:
    rule = Rule.parse("keep", "", pattern="^v", syntax="regex", pattern_matches=False)

    assert str(rule) == "keep all but the tags /^v/"


@pytest.mark.parametrize(
    ("kind", "value", "pattern", "said"),
    [
        ("number_of_tags", "0", "", "number_of_tags takes from 1 to 1000000 tags"),
        ("number_of_tags", "", "", "'' is no number of tags"),
        ("number_of_tags", "10d", "", "'10d' is no number of tags"),
        ("number_of_tags", "-1", "", "'-1' is no number of tags"),
        ("creation_date", "10", "", "'10' is no lifetime"),
        ("creation_date", "0d", "", "creation_date takes from 1 to"),
        ("last_pull", "9999y", "", "longer than 1000 years"),
        ("by_size", "1", "", "'by_size' is none of keep, number_of_tags, creation_date, last_pull"),
        ("keep", "", "[", "is no pattern that can be used"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    kind: str, value: str, pattern: str, said: str
) -> None:
    with pytest.raises(RuleInvalid, match=said.replace("[", r"\[")):
        Rule.parse(kind, value, pattern=pattern, syntax="regex")


def test_all_but_nothing_is_refused() -> None:
    with pytest.raises(RuleInvalid, match="needs a pattern"):
        Rule(KEEP, pattern_matches=False)


def test_a_policy_is_written_as_quay_s() -> None:
    assert rule_of_policy({"method": "number_of_tags", "value": 10}) == Rule(NUMBER, 10)
    assert rule_of_policy({"method": "creation_date", "value": "2w"}) == Rule(AGE, seconds(14))
    with pytest.raises(RuleInvalid):
        rule_of_policy({"method": "creation_date"})


facts = st.builds(
    TagFacts,
    name=st.sampled_from([f"{letter}{n}" for letter in "abc" for n in range(6)]),
    digest=st.just(SHA256),
    started_at=st.integers(0, 20).map(lambda days: NOW - days * DAY),
    last_pulled_at=st.none() | st.integers(0, 20).map(lambda days: NOW - days * DAY),
    is_immutable=st.booleans(),
)
patterns = st.none() | st.sampled_from([glob("a*"), glob("?[0-2]"), regex("[bc]")])
rule_lists = st.lists(
    st.builds(Rule, st.sampled_from([NUMBER, KEEP]), st.integers(1, 6), patterns)
    | st.builds(Rule, st.sampled_from([AGE, PULL]), st.integers(1, 20).map(seconds), patterns)
    | st.builds(Rule, st.just(KEEP), st.just(0), patterns),
    max_size=4,
)


@given(st.lists(facts, unique_by=lambda tag: tag.name), rule_lists)
def test_rules_do_what_a_plain_reading_of_them_does(
    tags: list[TagFacts], rules: list[Rule]
) -> None:
    newest_first = sorted(tags, key=lambda tag: tag.position, reverse=True)
    plan = Plan.of(rules, newest_first, NOW)

    assert {tag.name for tag in tags if plan.decide(tag).is_kept} == _by_hand(newest_first, rules)


def _by_hand(newest_first: list[TagFacts], rules: list[Rule]) -> set[str]:
    """Rule by rule rather than tag by tag, with whole lists in memory."""
    open_ = [tag for tag in newest_first if not tag.is_immutable]
    gone: list[TagFacts] = []
    for rule in rules:
        covered = [tag for tag in open_ if rule.covers(tag.name)]
        limit = NOW - timedelta(seconds=rule.value)
        settled = covered
        if rule.kind == NUMBER:
            gone += covered[rule.value :]
        elif rule.kind == KEEP:
            settled = covered[: rule.value] if rule.value else covered
        else:
            used = {tag: tag.started_at if rule.kind == AGE else tag.last_used_at for tag in open_}
            settled = [tag for tag in covered if used[tag] < limit]
            gone += settled
        open_ = [tag for tag in open_ if tag not in settled]
    return {tag.name for tag in newest_first if tag not in gone}
