"""No page fails on what stands in its address, in a header that it reads, or in a form."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponseBase, QueryDict
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.users.models import User
from registry.access.tokens import forget_tokens
from tests.browser.places import address_of, page_routes
from tests.browser.showcase import Showcase
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

ROUTES = [route for route in page_routes() if route.is_shown]
LARGEST = 2**63 - 1


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def raw_cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursors() -> Iterator[str]:
    """What no page wrote. Each is right for the lists of some order, but for one thing."""
    for moment in (
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00",
        "2026-13-45T00:00:00+00:00",
        "2026-01-01",
        "",
        LARGEST,
        None,
    ):
        yield cursor(moment, 1)
        yield cursor(moment, "x")
        yield cursor(moment, 1, 1)
    now = "2026-01-01T00:00:00+00:00"
    rows: list[Any] = [LARGEST, LARGEST - 1, -LARGEST, 2**70, 10**300, 1.5, True, None, [], {}, "x"]
    for row in rows:
        yield cursor(row)
        yield cursor(now, row)
        yield cursor(now, row, 1)
    for text in ("\x00", "\ud800", "\udcff", "\U0010ffff", "a" * 1000, "%", "'"):
        yield cursor(text)
        yield cursor(text, "x")
        yield cursor(now, text)
    for text in (
        "[" * 900,
        '{"a":' * 200,
        "[NaN]",
        "[Infinity, 1]",
        "[1e999]",
        f"[{'9' * 1400}]",
        "[1,1",
        "null",
        "\x00",
    ):
        yield raw_cursor(text)
    yield from ("@@@@", "a", "=====", "\u00e4", "A" * 5000, base64.b64encode(b"\xff\xfe").decode())


_WORDS = (
    "0 -1 1.5 99999999999999999999 1e999 NaN null [] {} * % _ \\ ' \" [ (a+)+$ ../.. <b>"
    " 0001-01-01 9999-12-31 0000-00-00 2026-99-99 sha256: :v1 a: -started_at owner__password"
)
ABSURD = [
    *_WORDS.split(),
    "\x00",
    "a\x00b",
    "\u00b2",
    "\u0663",
    "\u00bd",
    "\u202e",
    "\U0001f600",
    "\ufffe",
    "\r\nX: y",
    "a" * 5000,
    "9" * 5000,
    f"sha256:{'a' * 64}",
    f"sha512:{'0' * 128}",
]


WORST = ("9999-12-31", "a\x00b\r\nX: y", "9" * 5000)
WORST_CURSORS = (
    cursor("0001-01-01T00:00:00+23:59", 1),
    cursor("2026-01-01T00:00:00+00:00", LARGEST),
    cursor("2026-01-01T00:00:00+00:00", LARGEST, 1),
    cursor(LARGEST),
    cursor("\ud800"),
    raw_cursor("[" * 1500),
)


@pytest.fixture(scope="module")
def known(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Mapping[str, Any]]:
    """The showcase in the database, which forgets it after these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield Showcase(timezone.now()).made()
        transaction.set_rollback(True)
    forget_tokens()


@pytest.fixture(scope="module")
def questions(known: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """The address of every page, with the parameters that it reads."""
    client = visitor()
    asked = {}
    for route in ROUTES:
        address = address_of(route, known)
        with pytest.MonkeyPatch.context() as patch:
            names = _noted(patch)
            _consumed(client.get(address))
        asked[address] = names - {"csrfmiddlewaretoken"}
    return {address: names for address, names in asked.items() if names}


def test_many_pages_read_their_address(questions: Mapping[str, set[str]]) -> None:
    assert sum("after" in names for names in questions.values()) >= 15
    assert len(set().union(*questions.values())) >= 20


@pytest.mark.parametrize("value", WORST_CURSORS)
def test_no_cursor_fails_a_page(questions: Mapping[str, set[str]], value: str) -> None:
    assert not failing(questions, "after", value)


@pytest.mark.parametrize("value", WORST, ids=lambda value: ascii(value[:20]))
def test_no_parameter_fails_a_page(questions: Mapping[str, set[str]], value: str) -> None:
    client = visitor()

    wrong = [
        f"{address} {names}"
        for address, names in questions.items()
        if _failed(client, address, dict.fromkeys(names - {"after"}, value))
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.soak
def test_none_of_many_cursors_fails_a_page(questions: Mapping[str, set[str]]) -> None:
    wrong = [text for value in cursors() for text in failing(questions, "after", value)]

    assert not wrong, "\n".join(wrong)


@pytest.mark.soak
@pytest.mark.parametrize("value", ABSURD, ids=lambda value: ascii(value[:20]))
def test_no_parameter_alone_fails_a_page(questions: Mapping[str, set[str]], value: str) -> None:
    names = set().union(*questions.values())

    wrong = [text for name in names for text in failing(questions, name, value)]

    assert not wrong, "\n".join(wrong)


def failing(questions: Mapping[str, set[str]], name: str, value: str) -> list[str]:
    """The pages that read the parameter ``name`` and fail on ``value``."""
    client = visitor()
    return [
        f"{address} {name}={value[:60]!a}"
        for address, names in questions.items()
        if name in names and _failed(client, address, {name: value})
    ]


def visitor() -> Client:
    client = browser(User.objects.get(username="alice"))
    client.raise_request_exception = False
    return client


def _failed(client: Client, address: str, query: Mapping[str, str]) -> bool:
    path = address.partition("?")[0]
    with transaction.atomic():  # a statement that fails ends the transaction around it
        answer = client.get(path, dict(query))
        _consumed(answer)
    return answer.status_code >= 500


def _consumed(answer: HttpResponseBase) -> None:
    if answer.streaming:
        answer.getvalue()


def _noted(patch: pytest.MonkeyPatch) -> set[str]:
    """The names that are asked of the query from now on."""
    names: set[str] = set()
    for method in ("get", "getlist", "__getitem__", "__contains__"):
        original = getattr(QueryDict, method)

        def noting(self: QueryDict, key: str, *more: Any, original: Any = original) -> Any:
            names.add(str(key))
            return original(self, key, *more)

        patch.setattr(QueryDict, method, noting)
    return names
