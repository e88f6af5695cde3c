"""Chart.yaml files made at random of what people write, and of what readers of YAML differ in."""

from random import Random
from typing import Final

_WORDS: Final = (
    *("a", "a b", "a#b", "1", "1.10", "010", "0x1F", "0b11", "0o17", "1_000", "1e3", "1e400", ".5"),
    *("-.5", "+1", "-0", ".1_0", "._1", ".inf", "-.Inf", ".nan", "~", "null", "true", "yes", "OFF"),
    *("y", "12:30", "2024-01-02", "2001-12-14t21:59:43.10-05:00", "0x", "08", "1.", "1__0", "1:0"),
    *("9223372036854775808", "18446744073709551616", "3.4028236e38", "1e39", "1e-46", "1000000"),
    *("1.50", "123456.7", "1234567.8", "0.00001", "16777217.0", "=", "<<", "é", "😀", "\u00a0"),
    *("'1'", '"1"', '"\\x41"', '"\\/"', '"\\N"', '"\\e"', '"\\U0001F600"', "''", '"a\\n b"'),
    *("!!str 010", '!!int "010"', "!!int x", "!!float 1", "!!null x", '!!bool "true"', "!x 010"),
    *("!!binary aGVsbG8=", "!!binary x", "!!timestamp 2001-01-01", "! 010", "*x", "&x 1"),
    *("[]", "[a]", "[1, true, ~]", "{}", "{a: b}", "{a: [.inf]}", "{1: a, ~: b}", "{a: 1, a: 2}"),
)
_BLOCKS: Final = (
    "",
    "!!str",
    "|\n  a\n  b",
    ">\n  a\n  b",
    ">+\n  a\n\n",
    "|2\n   a",
    "a\n  b",
    '"a\n  b"',
)
_BROKEN: Final = ("a: b", "@a", "`a", "[a", '"a', "- a", "? a", "&", "!", "%a", "*", "}", "\ta")
_FIELDS: Final = (
    *("appVersion", "kubeVersion", "type", "description", "home", "icon", "condition", "tags"),
    *("deprecated", "sources", "keywords", "maintainers", "annotations", "dependencies", "engine"),
    *("unknown", "AppVersion", "APIVERSION", "Name", "VERSION", '"home"', "? home", "!!str home"),
    *("!!binary aG9tZQ==", "1", "true", "~", "1.5", ".inf", "é", "\u017fources", "\u212aeywords"),
)
_MEMBERS: Final = {
    "dependencies": (
        *("name", "version", "repository", "condition", "tags", "enabled", "import-values"),
        *("alias", "Name", "unknown"),
    ),
    "maintainers": ("name", "email", "url", "Name", "unknown"),
}
_TYPES: Final = ("application", "library", "Library", "''", '"library\\n"')
_NAMES: Final = ("etherpad", "Etherpad", "a.b", "a-b_c", "1", "0x10", "1.5", "true", "~", "", "a/b")
_VERSIONS: Final = ("1.2.3", "1", "v1", "1.10", "01.2.3", '"1"', "1.2.3-01", "latest", "", "0x10")
_KINDS: Final = ("v1", "v2", "v3", "~", "1", "[a]", '"v2\\n"')
_BEFORE: Final = ("---\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "# c\n", "\ufeff", "--- !!map\n")
_ANCHORS: Final = ("x: &x {home: a}", "x: &x [home]", "x: &x 1", "x: &x {<<: {home: q}}", "&x a: b")
_ENDS: Final = ("", "\n", "\r\n", "\n...\n", "\n---\na: b\n", "\n---\n[", "\n# end", "\n\n")
_LINE_ENDS: Final = ("\r\n", "\r", "\x85", "\u2028", "\n\n", " \n", "\n# c\n")


def odd_chart_yaml(chosen: Random) -> str:
    lines = [
        f"apiVersion: {_rarely(chosen, 'v2', _KINDS)}",
        f"name: {_rarely(chosen, 'etherpad', _NAMES)}",
        f"version: {_rarely(chosen, '1.2.3', _VERSIONS)}",
    ]
    if chosen.random() < 0.1:
        lines.insert(0, chosen.choice(_ANCHORS))
    lines += [_field(chosen) for _ in range(chosen.choice((0, 1, 1, 1, 2, 3)))]
    if chosen.random() < 0.05:
        lines.append(chosen.choice(lines))
    between = _rarely(chosen, "\n", _LINE_ENDS)
    return _rarely(chosen, "", _BEFORE) + between.join(lines) + _rarely(chosen, "\n", _ENDS)


def _rarely(chosen: Random, usual: str, others: tuple[str, ...]) -> str:
    return chosen.choice(others) if chosen.random() < 0.15 else usual


def _field(chosen: Random) -> str:
    name = chosen.choice(_FIELDS)
    value = _value(chosen, name)
    if chosen.random() < 0.03:
        return f"<<: {chosen.choice(('*x', '{home: a}', '[{home: a}, {home: b}]', 'a', '[]'))}"
    return f"{name}\n: {value}" if name.startswith("?") else f"{name}: {value}"


def _value(chosen: Random, name: str) -> str:
    if chosen.random() < 0.3:
        return chosen.choice((*_WORDS, *_BLOCKS, *_BROKEN))
    if name in ("dependencies", "maintainers"):
        return _list_of(chosen, _MEMBERS[name])
    if name == "annotations":
        return _mapping(chosen, ("a", "b", "1", "010", "true", "1.5", "~", ".inf"))
    if name in ("sources", "keywords"):
        return f"[{', '.join(chosen.choices(_WORDS, k=chosen.randrange(3)))}]"
    return chosen.choice(_TYPES if name == "type" else (*_WORDS, *_BLOCKS))


def _list_of(chosen: Random, names: tuple[str, ...]) -> str:
    items = [_mapping(chosen, names) for _ in range(chosen.randrange(3))]
    return f"[{', '.join(_rarely(chosen, item, ('~', 'a', '[]')) for item in items)}]"


def _mapping(chosen: Random, names: tuple[str, ...]) -> str:
    pairs = (f"{chosen.choice(names)}: {chosen.choice(_WORDS)}" for _ in range(chosen.randrange(4)))
    return f"{{{', '.join(pairs)}}}"
