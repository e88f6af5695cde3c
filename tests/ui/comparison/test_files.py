"""Files of two images or charts that differ, and the lines in which one of them does."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.blobs.transfers import transfers
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import descriptor, index, make_repository, make_user, push
from tests.ui.browsing import browser
from tests.ui.contents.pushed import push_artifact, push_full_chart, push_image
from tests.ui.files.packing import file, files, layer
from ui.comparison import overview
from ui.files.contents import MAX_TEXT_BYTES

pytestmark = pytest.mark.django_db

FILES, FILE, OVERVIEW = "compare/files", "compare/file", "compare"
BASE = layer(file("etc/same", b"same"), file("etc/conf", b"a\nb\n"), file("bin/old", b"old"))
UPPER = layer(file("etc/conf", b"a\nc\n"), file("bin/.wh.old"), file("bin/new", b"new"))


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


@pytest.fixture
def images(web: Repository) -> tuple[Manifest, Manifest]:
    return push_image(web, BASE, reference="v1"), push_image(web, BASE, UPPER, reference="v2")


def compared(page: str, a: str = "v1", b: str = "v2", **query: str) -> Any:
    response = Client().get(f"/acme/web/-/{page}", {"a": a, "b": b, **query})
    assert response.status_code == 200, response.status_code
    return response


def changes(response: Any) -> dict[str, str]:
    return {row.name: row.change for row in response.context["folder"].rows}


def lines(response: Any) -> list[str]:
    return [f"{line.mark}{line.text}" for line in response.context["changes"].lines]


@pytest.mark.usefixtures("images")
def test_only_files_that_differ_are_listed() -> None:
    assert changes(compared(FILES, **{"in": "etc"})) == {"conf": "changed"}
    assert changes(compared(FILES, **{"in": "bin"})) == {"new": "added", "old": "removed"}


@pytest.mark.usefixtures("images")
def test_a_file_that_changed_says_how_large_it_was() -> None:
    (row,) = compared(FILES, **{"in": "etc"}).context["folder"].rows

    assert (row.before, row.size) == (4, 4)
    assert row.url == "/acme/web/-/compare/file?a=v1&b=v2&path=etc%2Fconf"


def test_images_that_were_built_anew_with_the_same_files_do_not_differ(web: Repository) -> None:
    push_image(web, layer(file("a", b"1"), file("b", b"2")), reference="v1")
    push_image(web, layer(file("b", b"2")), layer(file("a", b"1")), reference="v2")

    assert "No file differs." in compared(FILES).content.decode()


@pytest.mark.usefixtures("images")
def test_the_lines_of_a_file_that_differ_are_shown() -> None:
    assert lines(compared(FILE, path="etc/conf")) == [" a", "-b", "+c"]
    assert lines(compared(FILE, path="bin/new")) == ["+new"]
    assert lines(compared(FILE, path="bin/old")) == ["-old"]


def test_a_file_that_both_have_alike_is_not_called_changed(web: Repository) -> None:
    push_image(web, layer(file("a", b"1")), reference="v1")
    push_image(web, layer(file("a", b"1")), reference="v2")

    text = compared(FILE, path="a").content.decode()

    assert "Both have the same text." in text
    assert ">changed<" not in text


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("path", ["absent", "etc", "", "../etc/conf/x"])
def test_a_file_that_neither_has_is_not_found(path: str) -> None:
    query = {"a": "v1", "b": "v2", "path": path}

    assert Client().get("/acme/web/-/compare/file", query).status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01", "This is a binary file."),
        (b"x" * (MAX_TEXT_BYTES + 1), "It is too long to be compared here."),
    ],
)
def test_what_cannot_be_compared_is_not_called_the_same(
    web: Repository, content: bytes, said: str
) -> None:
    push_image(web, layer(file("a", content)), reference="v1")
    push_image(web, layer(file("a", content + b"x")), reference="v2")

    text = compared(FILE, path="a").content.decode()

    assert said in text
    assert "Both have the same text." not in text


def test_a_layer_that_could_not_be_read_is_told(web: Repository) -> None:
    push_image(web, files("a"), reference="v1")
    push_image(web, b"no archive " * 100, reference="v2")

    text = compared(FILES).content.decode()

    assert "Not all files of v2 are known: of layer 1: it is not a tar archive." in text


def test_indexes_are_compared_by_a_platform_that_both_have(web: Repository) -> None:
    for tag, content in (("v1", b"1"), ("v2", b"2")):
        entries = []
        for name, other in (("amd64", b"x"), ("arm64", content)):
            image = push_image(
                web, layer(file("a", other)), reference=f"{tag}-{name}", config={"tag": tag + name}
            )
            entry = {**descriptor(bytes(image.body)), "mediaType": image.media_type}
            entries.append({**entry, "platform": {"os": "linux", "architecture": name}})
        push(web, index(manifests=entries), tag)

    first, second = compared(FILES), compared(FILES, platform="linux/arm64")

    assert [name for name, _ in first.context["platforms"]] == ["linux/amd64", "linux/arm64"]
    assert changes(first) == {}
    assert changes(second) == {"a": "changed"}
    assert "platform=linux%2Farm64" in second.context["folder"].rows[0].url


def test_other_kinds_have_no_files_to_compare(web: Repository) -> None:
    push_artifact(web, (b"a", "text/plain", {}), reference="v1")
    push_image(web, BASE, reference="v2")

    assert "Only the files of two images" in compared(FILES).content.decode()


def test_the_address_by_digests_stays_right(images: tuple[Manifest, Manifest]) -> None:
    old, new = images

    text = compared(FILE, path="etc/conf").content.decode()

    lasting = f"?a={old.digest}&amp;b={new.digest}&amp;path=etc%2Fconf".replace(":", "%3A")
    assert lasting in text.replace("&path", "&amp;path").replace("&b=", "&amp;b=")


@pytest.mark.usefixtures("images")
def test_comparing_waits_for_a_place_among_the_transfers(settings: object) -> None:
    settings.MAXIMUM_CONCURRENT_DOWNLOADS = 1  # type: ignore[attr-defined]
    transfers.begin_download()
    try:
        full = Client().get("/acme/web/-/compare/files?a=v1&b=v2")
    finally:
        transfers.end_download()

    assert full.status_code == 429


def test_the_files_of_a_chart_are_compared_where_they_are(web: Repository) -> None:
    push_full_chart(web, {"templates/a.yaml": b"a: 1\n", "templates/old.yaml": b"x"}, tag="v1")
    push_full_chart(web, {"templates/a.yaml": b"a: 2\n", "README.md": b"# New\n"}, tag="v2")

    shown = compared(OVERVIEW).context["chart_files"]

    told = {row.path: (row.change, [line.text for line in row.texts.lines]) for row in shown.rows}
    assert told["templates/a.yaml"] == ("changed", ["a: 1", "a: 2"])
    assert told["templates/old.yaml"] == ("removed", ["x"])
    assert told["README.md"][1][-1] == "# New"
    assert "values.yaml" not in told


def test_the_folder_of_a_chart_may_have_another_name(web: Repository) -> None:
    push_full_chart(web, {"templates/a.yaml": b"a: 1\n"}, tag="v1")
    push_full_chart(web, {"templates/a.yaml": b"a: 2\n"}, tag="v2")

    assert changes(compared(FILES)) == {"templates": ""}
    assert lines(compared(FILE, path="templates/a.yaml")) == ["-a: 1", "+a: 2"]


def test_of_many_files_of_a_chart_the_first_are_shown(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MAX_FILES", 2)
    monkeypatch.setattr(overview, "MAX_LINES", 1)
    for tag in ("v1", "v2"):
        push_full_chart(
            web, {f"templates/{n}.yaml": f"{tag}\n".encode() for n in range(4)}, tag=tag
        )

    shown = compared(OVERVIEW).context["chart_files"]

    assert shown.left_out == 2
    assert [bool(row.texts.problem) for row in shown.rows] == [False, True]


def test_more_layers_take_no_more_queries(web: Repository) -> None:
    for tag, count in (("v1", 2), ("v2", 3), ("w1", 9), ("w2", 10)):
        push_image(web, *(files(f"f{n}") for n in range(count)), reference=tag)
    for a, b in (("v1", "v2"), ("w1", "w2")):
        compared(FILES, a, b)

    assert _queries("w1", "w2") == _queries("v1", "v2")


def test_who_may_not_see_the_repository_compares_nothing() -> None:
    secret = make_repository("acme/secret")
    for tag in ("v1", "v2"):
        push_image(secret, files("a", content=tag.encode()), reference=tag)
    mallory = browser(make_user("mallory"))

    for page in (FILES, f"{FILE}", "compare/packages"):
        url = f"/acme/secret/-/{page}?a=v1&b=v2&path=a"
        assert (Client().get(url).status_code, mallory.get(url).status_code) == (404, 404)


def _queries(a: str, b: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        compared(FILES, a, b)
    return len(captured)
