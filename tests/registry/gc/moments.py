"""Moments after ``NOW``, at which everything is pushed."""

from datetime import timedelta

from tests.registry.builders import NOW

GRACE = timedelta(hours=1)
TIME_MACHINE = timedelta(weeks=2)
SECOND = timedelta(seconds=1)
GRACE_OVER = NOW + GRACE
MUCH_LATER = NOW + TIME_MACHINE + 2 * GRACE
EVEN_LATER = MUCH_LATER + TIME_MACHINE + 2 * GRACE
