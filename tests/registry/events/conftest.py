from collections.abc import Iterator

import pytest
from pytest_django import Settings

from registry.events import delivery
from tests.receiver import Receiver


@pytest.fixture
def receiver(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that an administrator allows."""
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(delivery, "_budget", delivery._Budget())
    with Receiver().listening() as running:
        yield running
