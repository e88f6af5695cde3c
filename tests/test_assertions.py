"""No test takes success for as good as failure: what was decided is what is asserted."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
FAILURES = range(400, 600)


def loose_assertions(tree: ast.AST) -> Iterator[str]:
    """Each ``status in {200, 404}``, however it is written."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.In):
            continue
        if isinstance(node.left, ast.Attribute) and node.left.attr in {"status", "status_code"}:
            given = [
                part.value
                for part in ast.walk(node.comparators[0])
                if isinstance(part, ast.Constant) and isinstance(part.value, int)
            ]
            if isinstance(node.comparators[0], ast.Call):  # such as range(400, 500)
                continue
            if len({number in FAILURES for number in given}) > 1:
                yield f"{node.lineno}: {ast.unparse(node)}"


def test_no_assertion_accepts_success_and_failure() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{place}"
        for path in sorted(TESTS.rglob("*.py"))
        for place in loose_assertions(ast.parse(path.read_text()))
    ]

    assert found == []


def test_an_assertion_that_accepts_both_is_found_however_it_is_written() -> None:
    for written in (
        "x.status in {200, 404}",
        "x.status in (201, 409)",
        "x.status_code in [202, 500]",
    ):
        assert list(loose_assertions(ast.parse(f"assert {written}"))) == [
            f"1: {ast.unparse(ast.parse(written))}"
        ]


def test_several_failures_or_several_successes_are_one_kind() -> None:
    assert not list(
        loose_assertions(ast.parse("assert x.status in {404, 405} or x.status in {200, 201}"))
    )
