"""What the processes remember together is in the database, as JSON, for as long as it was said."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from accounts.credentials import shared_cache
from accounts.credentials.models import SharedValue

pytestmark = pytest.mark.django_db


def test_a_value_is_read_back() -> None:
    cache.set("limit", [1.5, 2.5], 60)

    assert cache.get("limit") == [1.5, 2.5]


def test_a_value_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("limit", [1.5], 60)
    later = shared_cache._now() + timedelta(seconds=61)

    monkeypatch.setattr(shared_cache, "_now", lambda: later)

    assert cache.get("limit", "nothing") == "nothing"


def test_of_two_that_add_one_succeeds() -> None:
    assert cache.add("lock", True, 60)

    assert not cache.add("lock", True, 60)


def test_what_has_ended_can_be_added_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("lock", True, 60)
    later = shared_cache._now() + timedelta(seconds=61)

    monkeypatch.setattr(shared_cache, "_now", lambda: later)

    assert cache.add("lock", True, 60)


def test_a_deleted_value_is_gone() -> None:
    cache.set("limit", 1, 60)

    assert cache.delete("limit")
    assert cache.get("limit") is None


def test_values_are_stored_as_json() -> None:
    cache.set("limit", {"a": [1, None]}, 60)

    assert SharedValue.objects.get().value == '{"a": [1, null]}'
