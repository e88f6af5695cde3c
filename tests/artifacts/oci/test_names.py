"""Repository names, tags and references: every legal and illegal form."""

import re
from itertools import product

import pytest

from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid, ManifestInvalid, NameInvalid
from artifacts.oci.names import Reference, is_tag, parse_repository_name, parse_tag

# Copied from distribution-spec v1.1, "Pulling manifests".
SPEC_NAME = re.compile(
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII
)
SPEC_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)

LEGAL_NAMES = [
    "a",
    "0",
    "web",
    "acme/web",
    "a/b/c/d/e/f",
    "a.b",
    "a_b",
    "a__b",
    "a-b",
    "a--b",
    "a-------b",
    "a.b_c__d---e/0.1",
    "a" * 255,
    "/".join(["a"] * 128),
]
ILLEGAL_NAMES = [
    "",
    "/",
    "A",
    "Acme/web",
    "acme/Web",
    "/acme",
    "acme/",
    "acme//web",
    ".",
    "..",
    "acme/..",
    "../acme",
    "acme/./web",
    ".acme",
    "acme.",
    "_acme",
    "acme_",
    "-acme",
    "acme-",
    "a..b",
    "a___b",
    "a.-b",
    "a-_b",
    "a_.b",
    "acme/-web",
    "acme/web-",
    "a b",
    " a",
    "a ",
    "a\n",
    "\na",
    "a\x00",
    "a%2fb",
    "a:b",
    "a@b",
    "a+b",
    "a\\b",
    "a~b",
    "ä",
    "аcme",  # noqa: RUF001 - a Cyrillic letter
    "a\u0661",
    "a" * 256,
    "a/" * 128 + "a",
    "acme/camelCase",
    "acme/a/B",
    "acme/a_-b",
    "acme/a/.b",
    "acme/a/-b",
    "acme/a/b-/c",
    "acme/ a",
    "acme/a ",
    "acme/a$b",
    "acme/a!b",
    "acme/a*",
    "acme/a%25b",
    "acme/a\r\nb",
    "acme/\xe9",
    "acme/\u65e5\u672c",
    "acme/\uff41",
    "acme/\U0001f600",
    "acme/\u017f",
    "acme/a\u200bb",
    "acme/.",
    "acme/a/..",
    "acme/a/../b",
]


@pytest.mark.parametrize("name", LEGAL_NAMES)
def test_a_legal_repository_name_is_taken(name: str) -> None:
    assert parse_repository_name(name) == name


@pytest.mark.parametrize("name", ILLEGAL_NAMES)
def test_an_illegal_repository_name_is_refused(name: str) -> None:
    with pytest.raises(NameInvalid):
        parse_repository_name(name)


def test_every_short_name_is_judged_as_the_specs_own_pattern_judges_it() -> None:
    for length in range(1, 6):
        for letters in product("aA._-/", repeat=length):
            name = "".join(letters)
            assert _is_name(name) == bool(SPEC_NAME.fullmatch(name)), name


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 254 + "!",
        "a-" * 127 + "!",
        "a/" * 127 + "!",
        "a__" * 84 + "!",
        "-".join(["a"] * 127) + "-",
        "a" + "-" * 253 + "!",
    ],
)
def test_a_hostile_name_is_refused_without_trying_its_splits(hostile: str) -> None:
    # A grammar that reads these in more than one way would try them all, and never end.
    with pytest.raises(NameInvalid):
        parse_repository_name(hostile)


@pytest.mark.parametrize(
    "tag", ["a", "_", "0", "latest", "v1.0", "A-b_c.D", "_.-", "1.2.3_build.5", "a" * 128]
)
def test_a_legal_tag_is_taken(tag: str) -> None:
    assert parse_tag(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [
        "",
        ".a",
        "-a",
        "a" * 129,
        "a b",
        "a\n",
        "a/b",
        "a:b",
        "a+b",
        "ä",
        "a\x00",
        "a%20",
        "a@b",
        "a,b",
        ".hidden",
        ".",
        "-dash",
        "a" * 1000,
        " a",
        "a ",
        "a;b",
        "a=b",
        "a&b",
        "a?b",
        "a#b",
        "a%b",
        "a!b",
        "a~b",
        "a*b",
        "(a)",
        "[a]",
        "a\\b",
        "a|b",
        "a'b",
        'a"b',
        "a<b>",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "a\0b",
        "v1\n",
        "\u00e9",
        "\u65e5\u672c",
        "\U0001f600",
        "a\u202eb",
        "\uff41",
        "$a",
    ],
)
def test_an_illegal_tag_is_refused(tag: str) -> None:
    with pytest.raises(ManifestInvalid, match="invalid tag"):
        parse_tag(tag)


def test_every_short_tag_is_judged_as_the_specs_own_pattern_judges_it() -> None:
    for length in range(1, 4):
        for letters in product("aZ0._-/+ ", repeat=length):
            tag = "".join(letters)
            assert is_tag(tag) == bool(SPEC_TAG.fullmatch(tag)), tag


def test_a_reference_is_a_tag_or_a_digest() -> None:
    digest = Digest.of(b"x")

    assert Reference.parse("v1") == Reference(tag="v1")
    assert Reference.parse(str(digest)) == Reference(digest=digest)
    with pytest.raises(DigestInvalid):
        Reference.parse("v1:2")
    with pytest.raises(ManifestInvalid):
        Reference.parse(".v1")


def test_the_fallback_tag_of_a_digest_is_cut_as_the_spec_says() -> None:
    sha512 = Digest.of(b"x", "sha512")

    assert referrers_tag(Digest.of(b"x")) == str(Digest.of(b"x")).replace(":", "-")
    assert referrers_tag(sha512) == f"sha512-{sha512.hex[:64]}"
    assert is_tag(referrers_tag(sha512))


def _is_name(text: str) -> bool:
    try:
        parse_repository_name(text)
    except NameInvalid:
        return False
    return True
