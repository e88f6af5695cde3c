"""JSON with one reading, or none."""

import json

import pytest

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import (
    MAX_DEPTH,
    _no_duplicates,
    parse_json,
    parse_object,
    values_in,
)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,}', "line 1, column"),
        (b'{\n  "a": x}', "line 2, column 8"),
        (b"{} {}", "line 1, column 4"),
        (b"{}\x00", "line 1, column 3"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a": 1, "b": 2, "a": 1}', "the key 'a' appears twice"),
        (b'{"a": {"b": [{"c": 1, "c": 2}]}}', "the key 'c' appears twice"),
        (b'{"a": 1, "\\u0061": 2}', "the key 'a' appears twice"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": Infinity}', "Infinity is not a JSON value"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON value"),
        (b'{"a": "\xff"}', "bad byte at position 7"),
        (b'{"a": "\xc3"}', "bad byte at position 7"),
        (b'{"a": "\xed\xa0\x80"}', "bad byte at position 7"),
        (b'{"a": "\xc0\xaf"}', "bad byte at position 7"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ("{}".encode("utf-16"), "bad byte at position 0"),
        (b'{"a": "\n"}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": +1}', "not JSON"),
        (b'{"a": .5}', "not JSON"),
        (b'{"a": 0x10}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not readable"),
        (nested(MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH}"),
        (nested(200_000), "nested too deeply"),
        (b'{"a":' + b"[" * 2_000_000, "nested too deeply"),
    ],
)
def test_a_body_that_two_parsers_may_read_differently_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse_object(body)

    assert says in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' \t\r\n{ "a" : [ ] } \n',
        b'{"a": "\\ud83d\\ude00"}',
        b'{"a": 1e400}',
        b'{"": 0}',
        nested(MAX_DEPTH),
    ],
)
def test_odd_but_legal_json_is_read(body: bytes) -> None:
    assert parse_object(body) == json.loads(body)


@pytest.mark.parametrize(
    ("escape", "says"),
    [
        ("\\u0000", "\ufffd"),
        ("\\ud83d", "\ufffd"),
        ("\\uD83D", "\ufffd"),
        ("\\udc00\\ud800", "\ufffd\ufffd"),
        ("\\ud83d\\ude00\\ud83d", "\U0001f600\ufffd"),
        ("\\ufffe\\uffff\\u202e", "\ufffe\uffff\u202e"),
        ("\\\\ud83d", "\\ud83d"),
    ],
)
def test_what_is_no_text_is_replaced_wherever_it_stands(escape: str, says: str) -> None:
    body = f'{{"a": "{escape}", "{escape}": [["{escape}", {{"b": "{escape}"}}]]}}'.encode()

    assert parse_object(body) == {"a": says, says: [[says, {"b": says}]]}


def test_keys_that_differ_in_what_is_no_text_are_one_key() -> None:
    with pytest.raises(ManifestInvalid, match="appears twice"):
        parse_object(b'{"\\ud83d": 1, "\\ud83e": 2}')


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"1e400", "1e400 is too large"),
        (b'{"a": [-1e999999]}', "-1e999999 is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
        (b'[{"a": 1, "a": 2}]', "appears twice"),
        (b"NaN", "NaN is not a JSON value"),
        (b"\xff", "not UTF-8"),
        (b"", "not JSON"),
    ],
)
def test_json_that_is_to_be_written_again_can_be_written(body: bytes, says: str) -> None:
    with pytest.raises(ManifestInvalid, match=says):
        parse_json(body, for_answers=True)


@pytest.mark.parametrize("body", [b"1", b'"a"', b"null", b"[1.5]", b"true", b"1e300"])
def test_any_value_is_json(body: bytes) -> None:
    assert parse_json(body, for_answers=True) == json.loads(body)


class CountedKey(str):
    """A key that counts how often it is compared with another."""

    comparisons = 0
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountedKey.comparisons += 1
        return str.__eq__(self, other)


def test_a_key_that_comes_twice_among_many_is_found_in_one_pass() -> None:
    keys = [CountedKey(f"k{i}") for i in range(1000)]

    with pytest.raises(ManifestInvalid, match="'twice'"):
        _no_duplicates([(key, 0) for key in [*keys, CountedKey("twice"), CountedKey("twice")]])

    assert CountedKey.comparisons < 5000


def test_a_long_key_that_comes_twice_is_not_repeated_in_full() -> None:
    key = "k" * 100_000

    with pytest.raises(ManifestInvalid) as caught:
        parse_object(f'{{"{key}":1,"{key}":2}}'.encode())

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("part", [b"{},", b"[],", b"[[]],", b'{"a":1},', b"1,", b'"",', b"null,"])
def test_values_are_never_fewer_than_counted(part: bytes) -> None:
    document = b'{"a":[' + part * 10 + b"0]}"

    assert values_in(document) >= 11
    with pytest.raises(ManifestInvalid, match="too many parts"):
        parse_object(document, max_values=10)
    assert parse_object(document, max_values=values_in(document))


@pytest.mark.parametrize(("body", "most"), [(b"[[]]", 2), (b'{"a":{}}', 2), (b"[1,2]", 2)])
def test_lists_objects_and_items_count_as_values(body: bytes, most: int) -> None:
    assert values_in(body) == most
