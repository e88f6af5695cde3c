"""What the tests of garbage collection share: moments, and a collection in one word."""

from collections.abc import Callable
from datetime import datetime

import pytest

from registry.gc.report import Report
from registry.gc.services import collect
from tests.registry.gc.moments import MUCH_LATER

Collect = Callable[..., Report]


@pytest.fixture
def collected() -> Collect:
    """Collect, by default when every grace and time machine is over; return the report."""

    def run(now: datetime = MUCH_LATER) -> Report:
        report = Report()
        collect(now=now, report=report)
        assert report.problems == []
        return report

    return run
