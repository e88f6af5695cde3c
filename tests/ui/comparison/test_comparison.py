"""Two tags or digests side by side."""

import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from registry.charts.models import ChartVersion
from registry.inspection.tasks import inspect
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.artifacts.charts.archives import archive
from tests.registry.builders import NOW, descriptor, hold, image, make_repository, push
from tests.registry.charts.builders import chart_config, chart_manifest
from ui.comparison.lines import MAX_LINES, TooDifferent, differences
from ui.comparison.tables import named_platforms
from ui.contents.tag_rows import Platform

pytestmark = pytest.mark.django_db

URL = "/acme/web/-/compare"
UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def push_image(repository: Repository, tag: str, *layers: bytes, **more: Any) -> Manifest:
    inner = more.pop("config", {})
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": inner}).encode()
    hold(repository, config, *layers)
    return push(repository, image(config, *layers, **more), tag)


def push_chart(repository: Repository, tag: str, said: str, values: str) -> Manifest:
    text = f"apiVersion: v2\nname: web\nversion: {tag}\n{said}"
    content = archive({"Chart.yaml": text.encode(), "values.yaml": values.encode()}, folder="web")
    config = chart_config("web", tag)
    hold(repository, content, config)
    manifest = push(repository, chart_manifest(content, config), tag)
    inspect(manifest=manifest, now=NOW)
    return manifest


def test_values_that_were_not_read_are_not_called_the_same(web: Repository) -> None:
    push_chart(web, "1.0.0", "", "a: " + "x" * 600 * 1024)
    push_chart(web, "1.0.1", "", "a: " + "y" * 600 * 1024)

    assert compare("1.0.0", "1.0.1").context["values"].problem == (
        "Not compared. Of 1.0.0: values.yaml could not be read, because it is larger than 512 KiB. "
        "Of 1.0.1: values.yaml could not be read, because it is larger than 512 KiB."
    )


def test_values_of_one_archive_are_the_same_though_nobody_read_them(web: Repository) -> None:
    manifest = push_chart(web, "1.0.0", "", "a: " + "x" * 600 * 1024)

    values = compare("1.0.0", manifest.digest).context["values"]

    assert values.problem == "Both have the same archive."


def test_a_chart_that_nobody_looked_into_yet_is_not_compared(web: Repository) -> None:
    push_chart(web, "1.0.0", "", "a: 1")
    late = push_chart(web, "1.0.1", "", "a: 2")
    ChartVersion.objects.filter(manifest=late).delete()

    assert "Of 1.0.1: The chart is still being looked into" in (
        compare("1.0.0", "1.0.1").context["values"].problem
    )


def test_configs_that_cannot_be_read_are_not_called_alike(web: Repository) -> None:
    for tag in ("v1", "v2"):
        config = b"{" + tag.encode()
        hold(web, config)
        push(web, image(config), tag)

    (table,) = [one for one in compare("v1", "v2").context["tables"] if one.title == "Config"]

    assert table.alike == 0
    assert table.problem.startswith("Not compared. Of v1: The config could not be read")


def compare(a: str, b: str) -> Any:
    response = Client().get(URL, {"a": a, "b": b})
    assert response.status_code == 200
    return response


def rows_of(response: Any, title: str) -> dict[str, tuple[str, str, str]]:
    (table,) = [table for table in response.context["tables"] if table.title == title]
    return {row.name: (row.state, row.a, row.b) for row in table.rows}


def test_a_form_offers_the_newest_tags(web: Repository) -> None:
    push_image(web, "v1")

    text = Client().get(f"{URL}?a=v1").content.decode()

    assert '<option value="v1">' in text
    assert text.count('value="v1"') == 3
    assert "Both manifests" not in text


def test_a_field_suggests_the_tags_that_hold_what_is_typed(web: Repository) -> None:
    for tag in ("v1.0", "v1.1", "nightly"):
        push_image(web, tag, tag.encode())

    answer = Client().get("/acme/web/-/tag-names", {"field": "b", "b": "v1"})

    assert re.findall('value="([^"]+)"', answer.content.decode()) == ["v1.1", "v1.0"]


def test_annotations_labels_and_config_of_images(web: Repository) -> None:
    push_image(
        web,
        "v1",
        annotations={"gone": "1", "same": "x", "new": "1"},
        config={"Env": ["A=1"], "Cmd": ["/old"], "Labels": {"l": "1"}},
    )
    push_image(
        web,
        "v2",
        annotations={"same": "x", "new": "2", "<b>": "<script>"},
        config={"Env": ["A=2"], "Cmd": ["/old"], "Labels": {"l": "2"}},
    )

    response = compare("v1", "v2")

    assert rows_of(response, "Annotations") == {
        "<b>": ("added", "", "<script>"),
        "gone": ("removed", "1", ""),
        "new": ("changed", "1", "2"),
    }
    assert rows_of(response, "Labels") == {"l": ("changed", "1", "2")}
    assert rows_of(response, "Config") == {"Environment: A": ("changed", "1", "2")}
    assert "&lt;script&gt;" in response.content.decode()


def test_layers_in_common_added_and_removed(web: Repository) -> None:
    push_image(web, "v1", b"base", b"old", b"base")
    push_image(web, "v2", b"base", b"newer")

    layers = compare("v1", "v2").context["layers"]

    assert [(row.state, row.size) for row in layers.rows] == [
        ("removed", 3),
        ("removed", 4),
        ("added", 5),
        ("same", 4),
    ]
    assert (layers.common_size, layers.added_size, layers.removed_size) == (4, 5, 7)


def test_charts_with_their_values(web: Repository) -> None:
    push_chart(web, "1.0.0", "appVersion: '1'\n", "a: 1\nb: 2\nc: <i>\n")
    push_chart(web, "1.1.0", "appVersion: '2'\nicon: x\n", "a: 1\nb: 3\nc: <i>\n")

    response = compare("1.0.0", "1.1.0")

    assert rows_of(response, "Chart.yaml") == {
        "appVersion": ("changed", "1", "2"),
        "icon": ("added", "", "x"),
        "version": ("changed", "1.0.0", "1.1.0"),
    }
    lines = [(line.mark, line.text) for line in response.context["values"].lines]
    assert lines == [(" ", "a: 1"), ("-", "b: 2"), ("+", "b: 3"), (" ", "c: <i>")]
    assert '<div class="b-diff-removed">- b: 2</div>' in response.content.decode()
    assert "c: &lt;i&gt;" in response.content.decode()


def test_values_that_differ_everywhere_are_not_shown(web: Repository) -> None:
    push_chart(web, "1.0.0", "", "".join(f"a{n}: 1\n" for n in range(3000)))
    push_chart(web, "1.1.0", "", "".join(f"b{n}: 1\n" for n in range(3000)))

    response = compare("1.0.0", "1.1.0")

    assert "They differ in more lines than can be shown here." in response.content.decode()


def test_platforms_of_indexes(web: Repository) -> None:
    old, new = push_image(web, "old", b"1"), push_image(web, "new", b"2")

    def push_index(tag: str, **children: Manifest) -> None:
        entries = [
            {
                **descriptor(bytes(child.body), OCI_MANIFEST),
                "platform": {"os": "linux", "architecture": name},
            }
            for name, child in children.items()
        ]
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        push(web, json.dumps(body).encode(), tag)

    push_index("a", amd64=old, arm64=old)
    push_index("b", amd64=old, arm64=new)

    response = compare("a", "b")

    assert rows_of(response, "Platforms") == {"linux/arm64": ("changed", old.digest, new.digest)}
    text = response.content.decode()
    assert f'<a href="?a={old.digest}&amp;b={new.digest}">linux/arm64</a>' in text
    assert f'href="/acme/web/-/manifests/{new.digest}"' in text


def test_builds_of_windows_are_compared_by_their_version(web: Repository) -> None:
    child = descriptor(bytes(push_image(web, "child").body), OCI_MANIFEST)
    for tag, build in (("a", "10.0.17763.1"), ("b", "10.0.17763.2")):
        platform = {"os": "windows", "architecture": "amd64", "os.version": build}
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{**child, "platform": platform}],
        }
        push(web, json.dumps(body).encode(), tag)

    assert rows_of(compare("a", "b"), "Platforms") == {
        "windows/amd64 10.0.17763.1": ("removed", child["digest"], ""),
        "windows/amd64 10.0.17763.2": ("added", "", child["digest"]),
    }


def test_digests_can_be_compared_and_a_thing_with_itself(web: Repository) -> None:
    manifest = push_image(web, "v1")

    response = compare("v1", manifest.digest)

    assert "Both are the same manifest." in response.content.decode()


@pytest.mark.parametrize(
    "text", ["nope", "sha256:12", "<b>", "a" * 300, "\x00", f"sha256:{'0' * 64}"]
)
def test_what_is_not_there_is_said(web: Repository, text: str) -> None:
    push_image(web, "v1")

    response = compare("v1", text)

    assert len(response.context["problems"]) == 1
    assert "<b>" not in " ".join(response.context["problems"]) or "&lt;b&gt;" in (
        response.content.decode()
    )


def test_thousands_of_annotations_are_cut(web: Repository) -> None:
    push_image(web, "v1", annotations={f"a{n}": "x" * 400 for n in range(2000)})
    push_image(web, "v2")

    (table,) = [one for one in compare("v1", "v2").context["tables"] if one.rows]

    assert (len(table.rows), table.left_out) == (200, 1800)
    assert len(table.rows[0].a) < 400


def test_many_images_for_one_platform_are_told_apart(web: Repository) -> None:
    """Each is looked at once: looking for a free name from the beginning takes minutes."""
    named: list[str] = []

    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            named.append(self)
            return str.__hash__(self)

    platforms = [Platform(Name("linux/amd64"), str(number)) for number in range(1000)]

    found = named_platforms(platforms)

    assert list(found)[:2] == ["linux/amd64", "linux/amd64 (2)"]
    assert found["linux/amd64 (1000)"] == "999"
    assert len(named) <= 5 * len(platforms)


def test_what_is_made_of_too_many_parts_is_not_compared(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_image(web, "v1")
    monkeypatch.setattr("ui.comparison.sides.MAX_SHOWN_VALUES", 5)

    response = compare("v1", "v1")

    problem = "v1 is made of too many parts to be compared here."
    assert response.context["problems"] == [problem, problem]


# --- The lines in which two texts differ --------------------------------------------------------


texts = st.text("abc\n", max_size=8)


def is_part(shown: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether the lines stand in this order in the whole text."""
    rest = iter(whole)
    return all(line in rest for line in shown)


def short(a: str, b: str) -> list[str]:
    return [f"{line.mark}{line.text}" for line in differences(a, b)]


@given(texts, texts)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_lines_lead_from_one_text_to_the_other(a: str, b: str) -> None:
    lines = [line for line in differences(a, b) if line.sign != "gap"]

    removed = Counter(line.text for line in lines if line.sign == "removed")
    added = Counter(line.text for line in lines if line.sign == "added")
    old, new = Counter(a.splitlines()), Counter(b.splitlines())
    assert old - removed + added == new
    shown = [line.text for line in lines if line.sign != "added"]
    assert is_part(shown, a.splitlines())
    assert is_part([line.text for line in lines if line.sign != "removed"], b.splitlines())


def test_no_more_than_needed_is_said_to_differ() -> None:
    assert short("a\nb\nc", "a\nx\nc") == [" a", "-b", "+x", " c"]
    assert short("a\nb", "b") == ["-a", " b"]
    assert short("", "a") == ["+a"]


def test_lines_far_from_any_difference_are_left_out() -> None:
    old = "\n".join(str(n) for n in range(20))

    assert short(old, old.replace("10", "x")) == [
        "…",
        " 7",
        " 8",
        " 9",
        "-10",
        "+x",
        " 11",
        " 12",
        " 13",
        "…",
    ]


def test_a_line_that_stands_often_is_not_said_to_differ() -> None:
    old = [f"key{n}: 1" if n % 2 else "  enabled: false" for n in range(400)]
    new = ["changed" if line in {"key99: 1", "key101: 1"} else line for line in old]

    differing = [line for line in short("\n".join(old), "\n".join(new)) if line[0] in "+-"]

    assert differing == ["-key99: 1", "+changed", "-key101: 1", "+changed"]


def test_the_same_lines_with_another_ending_do_not_differ() -> None:
    assert short("a\nb", "a\r\nb\n") == []


@pytest.mark.parametrize("lines", [1000, MAX_LINES + 1])
def test_texts_that_have_little_in_common_are_given_up(lines: int) -> None:
    with pytest.raises(TooDifferent):
        differences("a\n" * lines, "b\n" * lines)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\n" * 19_000 + "b\n" * 599, "b\n" * 599 + "a\n" * 19_000),
        ("a\nb\n" * 9_900, "b\na\n" * 5_000 + "a\na\n" * 4_900),
        ("".join(f"{n}\n" for n in range(19_000)), "".join(f"{n * 7}\n" for n in range(19_000))),
        (
            "".join(f"{n}\nz{n}\n" for n in range(9000)),
            "".join(f"{n}\ny{n}\n" for n in range(9000)),
        ),
        ("".join(f"{n}\n" for n in range(19_000)), "".join(f"{n}\n" for n in range(19_000, 0, -1))),
        ("x\n" + "a\n" * 19_000 + "y\n" * 500, "z\n" + "a\n" * 19_000 + "w\n" * 500),
    ],
)
def test_no_two_texts_take_long(old: str, new: str) -> None:
    begun = time.process_time()

    with contextlib.suppress(TooDifferent):
        differences(old, new)

    assert time.process_time() - begun < 5
