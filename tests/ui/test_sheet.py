"""The style sheets keep one scale: six sizes of text, a grid of 4 px for all that has a place."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db

SHEETS = sorted((settings.FILES_DIR / "static/ui").glob("*.css"))
GRID = 4
SIZES = {12, 13, 14, 16, 20, 24}
_PLACED = re.compile(
    r"(?:padding|margin|inset|gap|row-gap|column-gap|top|right|bottom|left|flex|flex-basis|"
    r"(?:min-|max-)?(?:width|height)|scroll-(?:margin|padding)-\w+|(?:padding|margin)-[\w-]+|"
    r"grid-template-columns|columns|line-height|--bs-btn-padding-[xy]|--bs-[\w-]*line-height)"
)
_LENGTH = re.compile(r"(?<![\w#-])(-?[\d.]+)(rem|px|em|ex|ch|pt)\b")
# What stands off the grid, and why.
EXCEPTIONS = {
    ("frame.css", "html:has(.htmx-request)::before", "height: 2px"): "a line, as borders are",
    ("parts.css", ".b-choice > *", "margin-left: -1px"): "borders of neighbours lie on each other",
    ("namespaces.css", ".b-right + .b-right .form-label", "width: 1px"): "for readers alone",
    ("namespaces.css", ".b-right + .b-right .form-label", "height: 1px"): "for readers alone",
    ("tags.css", ".b-cards > thead", "width: 1px"): "for readers alone",
    ("tags.css", ".b-cards > thead", "height: 1px"): "for readers alone",
    ("contents.css", ".b-strip", "gap: 1px"): "a line between cells",
    ("administration.css", ".b-switch", "padding: 2px"): "inside a control of 24 px",
}

# What only one page has: suggestions below a search, the head of an account, the bell.
ELSEWHERE = {"b-suggested", "b-suggested-about", "b-suggested-all", "b-bell"}


def declarations() -> Iterator[tuple[str, str, str, str]]:
    """Sheet, selector, property and value of each declaration, also of those in media queries."""
    for sheet in SHEETS:
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.S)
        for block in re.finditer(r"([^{}]+)\{([^{}]*)\}", text):
            for one in block[2].split(";"):
                name, _, value = one.partition(":")
                if value:
                    yield sheet.name, block[1].strip(), name.strip(), value.strip()


def off_the_grid(value: str) -> bool:
    for number, unit in _LENGTH.findall(value):
        pixels = float(number) * {"px": 1, "rem": 16}.get(unit, 0.1)
        if pixels % GRID:
            return True
    return False


def test_text_has_one_of_six_sizes() -> None:
    tokens = {name: value for _, _, name, value in declarations() if name.startswith("--b-text-")}
    assert {float(value.removesuffix("rem")) * 16 for value in tokens.values()} == SIZES

    named = {f"var({name})" for name in tokens} | {"inherit"}
    others = [
        (sheet, selector, f"{name}: {value}")
        for sheet, selector, name, value in declarations()
        if name == "font-size" or name.endswith("-font-size")
        if value not in named
    ]
    assert others == []


def test_the_short_form_of_a_font_names_one_of_the_sizes_too() -> None:
    shorts = [value for _, _, name, value in declarations() if name == "font"]
    wrong = [one for one in shorts if one != "inherit" and not one.startswith("var(--b-text-")]
    assert wrong == []


def test_what_has_a_place_stands_on_the_grid() -> None:
    found = {
        (sheet, selector, f"{name}: {value}")
        for sheet, selector, name, value in declarations()
        if _PLACED.fullmatch(name) and off_the_grid(value)
    }
    assert found == set(EXCEPTIONS)


def test_only_one_class_may_break_a_word_anywhere() -> None:
    breaking = [
        (sheet, selector)
        for sheet, selector, name, value in declarations()
        if (name, value) == ("overflow-wrap", "anywhere")
    ]
    assert breaking == [("frame.css", ".b-break")]


def test_no_two_sheets_say_what_a_component_is() -> None:
    """A page may say what differs on it, below a selector of its own."""
    owners: dict[str, set[str]] = {}
    for sheet, selector, _, _ in declarations():
        if re.fullmatch(r"\.b-[\w-]+", selector) and sheet != "admin.css":
            owners.setdefault(selector, set()).add(sheet)
    assert {name: sheets for name, sheets in owners.items() if len(sheets) > 1} == {}


def test_the_page_of_components_shows_each_that_all_pages_share(client: Client) -> None:
    said = client.get("/styleguide").content.decode()
    shown = set(re.findall(r"[\w-]+", " ".join(re.findall(r'class="([^"]*)"', said))))
    shared = {
        name
        for sheet, selector, _, _ in declarations()
        if sheet in {"frame.css", "parts.css"}
        for name in re.findall(r"\.(b-[\w-]+)", selector)
    }
    assert shared - shown == ELSEWHERE


def test_the_page_of_components_is_there_in_development_only(
    client: Client, settings: Settings
) -> None:
    settings.IS_DEVELOPMENT = False

    assert client.get("/styleguide").status_code == 404
