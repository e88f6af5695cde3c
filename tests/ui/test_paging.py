"""Cursors in addresses: ours lead on, all others to the first page."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpRequest, QueryDict

from registry.repositories.models import Repository
from tests.registry.builders import make_repository
from ui.paging import KeysetPage, page_of, read_cursor, read_moment, write_cursor

LARGEST = 2**63 - 1
MOMENT = "2026-01-01T00:00:00+00:00"


def cursor(*values: Any) -> str:
    return raw(json.dumps(values))


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def first_page(after: str, order: Sequence[str] = ("-created_at", "-id")) -> KeysetPage[Repository]:
    request = HttpRequest()
    request.GET = QueryDict(urlencode({"after": after}))
    return page_of(request, Repository.objects.all(), order=order)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("order", "values"),
    [
        (("-created_at", "-id"), ["0001-01-01T00:00:00+23:59", 1]),
        (("-created_at", "-id"), ["9999-12-31T23:59:59-23:59", 1]),
        (("-created_at", "-id"), ["2026-01-01T00:00:00", 1]),
        (("-created_at", "-id"), ["2026-01-01", 1]),
        (("-created_at", "-id"), ["2026-13-45T00:00:00+00:00", 1]),
        (("-created_at", "-id"), [1, 1]),
        (("-created_at", "-id"), [MOMENT, LARGEST]),
        (("-created_at", "-id"), [MOMENT, 2**70]),
        (("-created_at", "-id"), [MOMENT, True]),
        (("-created_at", "-id"), [MOMENT, "1"]),
        (("-created_at", "-id"), [MOMENT, 1.5]),
        (("-created_at", "-pk"), [MOMENT, "x"]),
        (("-created_at", "-id"), [MOMENT, None]),
        (("-created_at", "-id"), [MOMENT, [1]]),
        (("-created_at", "-id"), [MOMENT]),
        (("namespace_id", "path"), ["acme", "acme/web"]),
        (("namespace_id", "path"), [1, 2]),
        (("path",), [{}]),
    ],
)
def test_a_cursor_that_no_page_wrote_shows_the_first(
    order: Sequence[str], values: Sequence[Any]
) -> None:
    web = make_repository()

    page = first_page(cursor(*values), order)

    assert list(page.rows) == [web]
    assert not page.first_url


@pytest.mark.django_db
def test_a_cursor_of_ours_leads_on() -> None:
    old, new = make_repository(), make_repository("acme/other")

    page = first_page(write_cursor([new.created_at, new.id]))

    assert list(page.rows) == [old]
    assert page.first_url == "?"


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["\ud800", "\x00", "\U0010ffff", "'"])
def test_any_text_has_a_place_in_a_list_of_names(text: str) -> None:
    make_repository()

    assert first_page(cursor(text), ("path",)).first_url == "?"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1500,
        '{"a":' * 200,
        "[NaN]",
        "[Infinity]",
        "[1e999]",
        f"[{'9' * 1400}]",
        "[1",
        "null",
        "1",
        '{"a": 1}',
        "[[1]]",
        "[null]",
        "\x00",
        "",
    ],
)
def test_what_is_no_list_of_plain_values_is_no_cursor(text: str) -> None:
    assert read_cursor(raw(text), 1) is None


@pytest.mark.parametrize("text", ["", "@@@@", "a", "=====", "\u00e4", "A" * 5000, "_" * 10])
def test_what_is_not_base64_is_no_cursor(text: str) -> None:
    assert read_cursor(text, 1) is None


def test_a_moment_is_read_in_any_zone() -> None:
    assert read_moment("2026-01-01T01:00:00+01:00") == datetime(2026, 1, 1, tzinfo=UTC)
