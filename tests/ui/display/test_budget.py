"""What a page costs has a bound, whatever text it is made of."""

import threading
import time

import pytest
from django.test import Client

from registry.repositories.models import Repository
from tests.registry.builders import hold, image, make_repository, push
from ui.display import costly as places
from ui.display.code import MAX_COLOURED_PARTS, code_lines, source
from ui.display.code import MAX_LENGTH as MAX_SOURCE_LENGTH
from ui.display.costly import AT_ONCE, IN_ALL, SMALL_BYTES, SMALL_LENGTH, Busy, Remembered, costly
from ui.display.prose import MAX_ADDRESSES_LENGTH, MAX_CELLS, MAX_LENGTH, is_cut, prose

LEFT_OUT = "The rest is too long to be shown here."


def table(columns: int, rows: int) -> str:
    """A row of two characters has as many cells as the first."""
    head = "|".join("a" * columns) + "\n" + "|".join("-" * columns)
    return f"{head}\n" + "a|\n" * rows + "\n"


@pytest.mark.parametrize(
    "text",
    [
        table(221, 296) * 36,
        table(4000, 4000),
        table(6000, 10),
        table(2, 10_000),
        table(2, 3) * 3000,
        "> " + table(100, 100).replace("\n", "\n> "),
    ],
    ids=["many", "square", "wide", "long", "small", "quoted"],
)
def test_all_tables_of_a_text_share_so_many_cells(text: str) -> None:
    html = prose(text)

    assert html.count("<td") + html.count("<th>") <= MAX_CELLS


def test_a_table_that_fits_is_whole() -> None:
    html = prose(table(5, 500))

    assert html.count("<td") == 2500
    assert LEFT_OUT not in html


def test_what_has_no_room_for_its_cells_stands_there_as_it_was_written() -> None:
    assert "z|\n" in prose(table(2, 2600) + "\n" + table(2, 3).replace("a|", "z|"))


@pytest.mark.parametrize(
    "text",
    ["x " * MAX_LENGTH, "a\n\n" * 5000, "[" * 20_000, "1. a\n" * 13_000, "*a* " * 16_000],
    ids=["long", "lines", "brackets", "list", "emphasis"],
)
def test_what_is_left_out_of_a_long_text_is_said(text: str) -> None:
    assert is_cut(text)
    assert prose(text).endswith(f"<p><em>{LEFT_OUT}</em></p>")


def test_a_readme_of_common_length_is_whole() -> None:
    section = "## Values\n\nSet `image.tag` to [one of these](https://a.test/b). "
    readme = (section + "It says which version runs. " * 4 + "\n\n") * 350

    assert len(readme) > 60_000
    assert not is_cut(readme)
    assert LEFT_OUT not in prose(readme)


def test_a_reference_used_again_and_again_repeats_its_address_so_often_and_no_more() -> None:
    html = prose("[a]: http://" + "b" * 30_000 + '\n\n"' + "[a] " * 2000)

    assert len(html) < MAX_ADDRESSES_LENGTH + 200_000
    assert html.count("<a href") == MAX_ADDRESSES_LENGTH // 30_007


@pytest.mark.parametrize("language", ["yaml", "json", "groovy"])
@pytest.mark.parametrize("text", ["*", "%", "&a", "% ", '"\\', "1 ", "a: ", "- ", "# ", "'", "{"])
def test_coloured_text_says_the_same_and_has_so_many_parts(language: str, text: str) -> None:
    text = (text * 65_000)[:65_000]

    (line,) = code_lines(text, language)

    assert line.count("<span") <= len(text) // 2
    assert line.count("</span>") == line.count("<span")


def test_colours_end_when_there_are_too_many() -> None:
    lines = code_lines("1 2 3\n" * 10_000, "json")

    assert "".join(lines).count("<span") <= MAX_COLOURED_PARTS + 3
    assert lines[-1] == "1 2 3"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("a: 1 # x", ["nt a", "mi 1", "c1 # x"]),
        ("- b c: 'd'", ["nt b c", "s1 &#x27;d&#x27;"]),
        ("url: http://a:80/#b", ["nt url", "l-Scalar-Plain http://a:80/#b"]),
        ("on: [true, x y]", ["nt on", "kc true", "l-Scalar-Plain x y"]),
        ("a: &b !!str c", ["nt a", "kt &amp;b", "kt !!str", "l-Scalar-Plain c"]),
        ("# a: b", ["c1 # a: b"]),
    ],
)
def test_yaml_is_coloured_by_what_it_means(line: str, parts: list[str]) -> None:
    assert spans(code_lines(line, "yaml")[0]) == parts


def test_a_block_of_text_in_yaml_is_text() -> None:
    lines = code_lines("run: |-\n  a: 1\n\n  # b\nnext: 2\n", "yaml")

    assert spans(lines[1]) == ["s2   a: 1"]
    assert spans(lines[3]) == ["s2   # b"]
    assert spans(lines[4]) == ["nt next", "mi 2"]


def test_json_is_coloured_by_what_it_means() -> None:
    (line,) = code_lines('{"a": ["b", -1.5e3, null]}', "json")

    assert spans(line) == ["nt &quot;a&quot;", "s2 &quot;b&quot;", "mi -1.5e3", "kc null"]


def test_source_is_cut_where_it_is_too_long() -> None:
    found = source("x" * (MAX_SOURCE_LENGTH + 1), "json")

    assert found.is_cut
    assert sum(map(len, found.lines)) == MAX_SOURCE_LENGTH


def test_what_was_made_is_remembered_and_the_oldest_forgotten() -> None:
    made: list[str] = []

    def make(text: str) -> str:
        made.append(text)
        return text * 10

    memory = Remembered(make, length_of=len, max_length=25)
    for text in ("a", "b", "a", "c", "a", "b"):
        assert memory.get(text) == text * 10

    assert made == ["a", "b", "c", "b"]


def test_what_is_larger_than_the_memory_is_made_again() -> None:
    memory = Remembered(str.upper, length_of=len, max_length=3)

    assert [memory.get("abcd"), memory.get("abcd")] == ["ABCD", "ABCD"]


def test_what_costs_much_waits_for_a_place_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.01)
    memory = Remembered(str.upper, length_of=len, max_length=10**6)
    with Holders(AT_ONCE):
        with pytest.raises(Busy):
            memory.get("x" * (SMALL_LENGTH + 1))
        assert memory.get("small") == "SMALL"

    assert memory.get("x" * (SMALL_LENGTH + 1))


@pytest.mark.django_db
def test_a_page_that_finds_no_place_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.01)
    repository = make_repository("acme/busy", is_public=True)
    Repository.objects.filter(pk=repository.pk).update(description="busy " * SMALL_LENGTH)
    with Holders(AT_ONCE):
        response = Client().get("/acme/busy")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "busy with other large pages" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["-/compare?a=large&b=small", "-/tags/large"])
def test_a_large_manifest_is_taken_apart_in_a_place(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.01)
    repository = make_repository("acme/busy", is_public=True)
    hold(repository, b"{}")
    push(repository, image(b"{}"), "small")
    push(repository, image(b"{}", annotations={"note": "x" * SMALL_BYTES}), "large")
    with Holders(AT_ONCE):
        large = Client().get(f"/acme/busy/{path}")
        small = Client().get(f"/acme/busy/{path.replace('large', 'small')}")

    assert large.status_code == 503
    assert small.status_code == 200


def test_nobody_waits_where_enough_do_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 60)
    with Holders(IN_ALL):
        begun = time.monotonic()
        with pytest.raises(Busy), costly():
            pass
        assert time.monotonic() - begun < 10


def test_who_holds_a_place_needs_no_other() -> None:
    with costly(), costly(), costly():
        pass


class Holders:
    """So many threads that hold a place, or wait for one."""

    def __init__(self, count: int) -> None:
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._hold) for _ in range(count)]

    def _hold(self) -> None:
        with costly():
            self._done.wait(60)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()
        while places._door._value > IN_ALL - len(self._threads):
            time.sleep(0.001)
        while places._places._value > 0:
            time.sleep(0.001)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


def spans(html: str) -> list[str]:
    parts = html.split('<span class="hl-')[1:]
    return [part.partition("</span>")[0].replace('">', " ", 1) for part in parts]
