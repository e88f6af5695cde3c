"""What platforms are called."""

from typing import Any

import pytest

from artifacts.oci.descriptors import platform_name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, ""),
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64/v8"),
        (
            {"os": "windows", "architecture": "amd64", "os.version": "10.0.17763.5329"},
            "windows/amd64 10.0.17763.5329",
        ),
        (
            {"os": "windows", "os.version": "10.0.1", "os.features": ["win32k", "x"]},
            "windows 10.0.1 (win32k, x)",
        ),
        ({"os": "linux", "features": ["sse4"]}, "linux (sse4)"),
        ({"os.version": "10.0.1"}, "10.0.1"),
        ({"os": None, "architecture": None, "os.features": None, "features": None}, ""),
        ({"os": 5, "architecture": [], "variant": {}, "os.version": 1, "os.features": "x"}, ""),
        ({"os": "a", "os.features": [None, 5, "", "b"]}, "a (b)"),
    ],
)
def test_a_platform_is_named_by_all_that_tells_it_apart(said: dict[str, Any], name: str) -> None:
    assert platform_name(said) == name
