"""The order of chart versions."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.charts.versions import MAX_KEY_LENGTH, MAX_VERSION_LENGTH, sort_key

# Semantic Versioning 2.0.0, section 11, with some more.
IN_ORDER = [
    "0.0.4",
    "0.0.10",
    "0.9.0",
    "0.10.0",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-alpha-1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "2.0.0",
    "10.0.0",
]


def test_keys_sort_as_versions_do() -> None:
    keys = [sort_key(version) for version in IN_ORDER]

    assert keys == sorted(set(filter(None, keys)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v1.2.3", "1.2.3"),
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        ("1.0.0+b", "1.0.0"),
        ("2024.01.05", "2024.1.5"),
    ],
)
def test_what_helm_takes_for_the_same_version_has_the_same_key(one: str, other: str) -> None:
    assert sort_key(one) == sort_key(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "1.2.3.4",
        "1.2.3-01",
        "1.2.3-",
        "1.2.3-a..b",
        "1.2.3 ",
        "1.2.3\n",
        "\u0661.2.3",
    ],
)
def test_other_text_has_none(text: str) -> None:
    assert sort_key(text) is None


def test_a_version_longer_than_a_tag_has_none() -> None:
    assert sort_key("1.0.0-" + "a" * MAX_VERSION_LENGTH) is None


NUMBERS = st.integers(0, 2**64 - 1)
IDENTIFIERS = st.one_of(
    st.integers(0, 10**30).map(str),
    st.text("abAB01-", min_size=1, max_size=5).filter(lambda text: not text.isdigit()),
)
VERSIONS = st.tuples(NUMBERS, NUMBERS, NUMBERS, st.lists(IDENTIFIERS, max_size=3))


@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(VERSIONS, VERSIONS)
def test_any_two_versions_are_in_the_order_that_the_specification_gives(
    one: tuple[int, int, int, list[str]], other: tuple[int, int, int, list[str]]
) -> None:
    keys = [sort_key(_text(version)) for version in (one, other)]

    assert all(key is not None and len(key) <= MAX_KEY_LENGTH for key in keys)
    assert sorted(filter(None, keys)) == [
        sort_key(_text(version)) for version in sorted((one, other), key=_precedence)
    ]


def _text(version: tuple[int, int, int, list[str]]) -> str:
    *core, prerelease = version
    text = ".".join(map(str, core))
    return f"{text}-{'.'.join(prerelease)}" if prerelease else text


def _precedence(version: tuple[int, int, int, list[str]]) -> tuple[object, ...]:
    *core, prerelease = version
    identifiers = [
        (0, int(part), "") if part.isdigit() and int(part) < 2**64 else (1, 0, part)
        for part in prerelease
    ]
    return (*core, not prerelease, identifiers)
