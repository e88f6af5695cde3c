"""Browsers in the words of people."""

import pytest

from ui.display.browsers import browser_name

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
PHONE = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME}", "Chrome 131 on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Edg/131.0", "Edge 131 on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/133.0", "Firefox 133 on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI}", "Safari 18 on macOS"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) {PHONE}", "Safari 18 on an iPhone"),
        (f"Mozilla/5.0 (Linux; Android 14) {CHROME}", "Chrome 131 on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "A browser without a name"),
    ],
)
def test_a_browser_is_called_what_people_call_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_a_name_that_is_none_is_short_and_harmless() -> None:
    name = browser_name("\u202e" + "x" * 5000)

    assert len(name) < 200
    assert "\u202e" not in name
