"""Which environment variables mean something to Berth."""

from collections.abc import Iterable

from config.keys.configuration import ENVIRONMENT_PREFIX, KEYS_FROM_FILES, Configuration
from config.keys.loading import OTHER_VARIABLES

OPTIONS = {"HOST", "PORT", "SERVER_HOSTNAME", "WORKERS", "TLS"}  # of ``berth serve``
KNOWN = (
    OPTIONS
    | OTHER_VARIABLES
    | {ENVIRONMENT_PREFIX + key for key in Configuration.model_fields}
    | {f"{ENVIRONMENT_PREFIX}{key}_FILE" for key in KEYS_FROM_FILES}
)


def unknown_variables(names: Iterable[str]) -> set[str]:
    return set(names) - KNOWN
