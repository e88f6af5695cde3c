"""Which environment variables mean something to Berth."""

import re
from collections.abc import Iterable

from config.keys.configuration import ENVIRONMENT_PREFIX, KEYS_FROM_FILES, Configuration
from config.keys.loading import OTHER_VARIABLES
from tests.live import ROOT

UNITS = ROOT / "deploy/systemd"
OPTIONS = {"HOST", "PORT", "SERVER_HOSTNAME", "WORKERS", "TLS"}  # of ``berth serve``
KNOWN = (
    OPTIONS
    | OTHER_VARIABLES
    | {ENVIRONMENT_PREFIX + key for key in Configuration.model_fields}
    | {f"{ENVIRONMENT_PREFIX}{key}_FILE" for key in KEYS_FROM_FILES}
)


def unknown_variables(names: Iterable[str]) -> set[str]:
    return set(names) - KNOWN


def environment_file(name: str) -> dict[str, str]:
    """What a file beside the units of systemd says, with the lines that it proposes."""
    lines = (UNITS / name).read_text().splitlines()
    proposed = [found[1] for line in lines if (found := re.match(r"#?([A-Z_]+=.*)", line))]
    return dict(line.split("=", 1) for line in proposed)
