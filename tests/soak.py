"""How long randomized tests go on: short and repeatable, or long and random in ``make soak``.

Tests that only make sense for long are marked ``soak``; those that also have a short form are
marked ``randomized`` and ask ``rounds``. Those of hypothesis follow its profile.
"""

import os
from random import Random
from typing import Final

from hypothesis import HealthCheck, settings

IS_SOAK: Final = os.environ.get("BERTH_SOAK") == "1"
_LONGER: Final = 20


def choose_profile() -> None:
    """Machines are busy: how long an example takes says nothing."""
    patient = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    settings.register_profile("usual", patient, max_examples=60, derandomize=True)
    settings.register_profile("soak", patient, max_examples=60 * _LONGER)
    settings.load_profile("soak" if IS_SOAK else "usual")


def rounds(usual: int) -> int:
    return usual * _LONGER if IS_SOAK else usual


def seed() -> int:
    """Printed, so that a failure tells it: ``BERTH_TEST_SEED`` repeats a run."""
    chosen = int(os.environ.get("BERTH_TEST_SEED") or Random().randrange(2**32))
    print(f"repeat with BERTH_TEST_SEED={chosen}")
    return chosen
