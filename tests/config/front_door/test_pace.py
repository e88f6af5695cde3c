"""Who is too slow for a body or a download, and who is not."""

import pytest

from config.front_door.pace import Pace, TooSlow

A_DAY = 86_400


def take(pace: Pace, *, bytes_per_second: int, seconds: int) -> None:
    for _ in range(seconds):
        pace.note(bytes_per_second, waited=1.0)


def test_a_poor_link_is_fast_enough() -> None:
    take(Pace(least_rate=1024, most_seconds=A_DAY), bytes_per_second=16 * 1024, seconds=3600)


def test_a_client_below_the_least_rate_ends_after_a_minute() -> None:
    pace = Pace(least_rate=1024, most_seconds=A_DAY)
    take(pace, bytes_per_second=1, seconds=59)

    with pytest.raises(TooSlow, match="MINIMUM_TRANSFER_RATE"):
        take(pace, bytes_per_second=1, seconds=1)


def test_a_quick_beginning_is_no_credit() -> None:
    pace = Pace(least_rate=1024, most_seconds=A_DAY)
    pace.note(10**9, waited=60.0)

    with pytest.raises(TooSlow):
        take(pace, bytes_per_second=1, seconds=60)


def test_a_slow_minute_is_made_up_by_nothing_and_forgotten_by_none() -> None:
    pace = Pace(least_rate=1024, most_seconds=A_DAY)
    take(pace, bytes_per_second=0, seconds=30)

    take(pace, bytes_per_second=2048, seconds=30)


def test_without_a_least_rate_only_the_whole_time_counts() -> None:
    pace = Pace(least_rate=0, most_seconds=100)
    take(pace, bytes_per_second=0, seconds=100)

    with pytest.raises(TooSlow, match="MAXIMUM_TRANSFER_SECONDS"):
        pace.note(10**9, waited=0.1)


def test_what_is_not_waited_for_costs_nothing() -> None:
    pace = Pace(least_rate=1024, most_seconds=60)

    for _ in range(10_000):
        pace.note(1, waited=0.0)
