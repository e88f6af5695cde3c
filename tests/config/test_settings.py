"""What Django is told of our keys."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_A_YEAR = 31_536_000
_ASK = "from config import settings; print(settings.SECURE_HSTS_SECONDS)"


def seconds_of_tls(data: Path, **keys: str) -> int:
    """How long browsers are to ask for nothing but TLS, by settings that were just read."""
    ours = {f"BERTH_{key}": value for key, value in keys.items()}
    done = subprocess.run(
        [sys.executable, "-c", _ASK],
        env={**os.environ, "BERTH_DATA": str(data), **ours},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    ("host", "scheme", "seconds"),
    [
        ("registry.example.com", "https", _A_YEAR),
        ("registry.example.com:8443", "https", _A_YEAR),
        ("registry.example.com", "http", 0),
        ("localhost:8443", "https", 0),
        ("", "https", 0),
    ],
)
def test_browsers_keep_to_tls_where_the_name_is_the_registry_s_own(
    tmp_path: Path, host: str, scheme: str, seconds: int
) -> None:
    keys = {"SERVER_HOSTNAME": host, "PREFERRED_URL_SCHEME": scheme}

    assert seconds_of_tls(tmp_path, **keys) == seconds
