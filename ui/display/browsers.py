"""Browsers by what they call themselves, in the words of people."""

import re
from typing import Final

from ui.display.text import shown

_MAX_LENGTH: Final = 120
_MAX_READ: Final = 1000
# The first that is there counts: each browser also names those whose pages it can show.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\bOPR/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|CriOS|Chromium)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[^ ]* (?:Mobile/[^ ]+ )?Safari/")),
)
_SYSTEMS: Final = (
    ("an iPhone", "iPhone"),
    ("an iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows NT"),
    ("macOS", "Mac OS X"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """``Firefox 133 on Windows``; what is no known browser as it calls itself.

    Source: RFC 9110, section 10.1.5. Anybody may call themselves anything.
    """
    text = user_agent[:_MAX_READ]
    for name, pattern in _BROWSERS:
        if match := pattern.search(text):
            system = next((name for name, mark in _SYSTEMS if mark in text), "")
            return f"{name} {match[1][:5]}{f' on {system}' if system else ''}"
    return shown(text, _MAX_LENGTH) or "A browser without a name"
