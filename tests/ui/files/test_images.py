"""The files of an image, and what each of its layers changed."""

from itertools import count

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import index, make_repository, push
from tests.ui.contents.pushed import page, push_full_chart, push_image, url_of
from tests.ui.files.packing import file, files, layer
from ui.files import images
from ui.files.folders import Row

pytestmark = pytest.mark.django_db

LOWER = layer(file("etc/passwd", b"root"), file("etc/old"), file("bin/sh", b"#!"))
UPPER = layer(file("etc/passwd", b"root, and more"), file("etc/.wh.old"), file("srv/new"))


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def url(manifest: Manifest) -> str:
    return f"{url_of(manifest)}/files"


def rows(manifest: Manifest, **query: str) -> dict[str, Row]:
    response = Client().get(url(manifest), query)
    assert response.status_code == 200
    return {row.name: row for row in response.context["folder"].rows}


def test_the_layers_of_an_image_are_merged(web: Repository) -> None:
    image = push_image(web, LOWER, UPPER)

    assert list(rows(image)) == ["bin", "etc", "srv"]
    (passwd,) = rows(image, **{"in": "etc"}).values()
    assert (passwd.name, passwd.size, passwd.layer) == ("passwd", len(b"root, and more"), 2)


def test_what_later_layers_hide_is_counted(web: Repository) -> None:
    image = push_image(web, LOWER, UPPER)

    assert Client().get(url(image)).context["hidden"] == len(b"root")


def test_a_file_leads_into_the_layer_that_has_it(web: Repository) -> None:
    image = push_image(web, LOWER, UPPER)
    blob = image.document.layers[0].digest

    assert rows(image, **{"in": "bin"})["sh"].url == (
        f"{url_of(image)}/layers/{blob}/file?path=bin%2Fsh"
    )


def test_only_what_one_layer_changed_is_shown(web: Repository) -> None:
    image = push_image(web, LOWER, UPPER)

    assert list(rows(image, layer="2")) == ["etc", "srv"]
    changed = rows(image, layer="2", **{"in": "etc"})
    assert {name: row.change for name, row in changed.items()} == {
        "passwd": "changed",
        "old": "removed",
    }
    assert changed["passwd"].before == len(b"root")


def test_the_first_layer_added_all_it_has(web: Repository) -> None:
    image = push_image(web, LOWER, UPPER)

    assert {row.change for row in rows(image, layer="1").values()} == {"added"}


def test_folders_of_a_layers_changes_are_opened_among_its_changes(web: Repository) -> None:
    image = push_image(web, LOWER, UPPER)

    assert rows(image, layer="2")["etc"].url == "?layer=2&in=etc"


def test_the_steps_of_the_build_stand_beside_their_layers(web: Repository) -> None:
    history = [
        {"created_by": "ENV A=1", "empty_layer": True},
        {"created_by": "COPY a /"},
        {"created_by": "RUN make"},
    ]
    image = push_image(web, LOWER, UPPER, config={"history": history})

    layers = Client().get(url(image)).context["layers"]

    assert [one.instruction for one in layers] == ["COPY a /", "RUN make"]


def test_a_layer_that_could_not_be_read_is_named_and_the_others_are_shown(
    web: Repository,
) -> None:
    image = push_image(web, LOWER, b"no archive " * 100, UPPER)

    text = page(url(image))

    assert "Layer 2 is not here as a whole, because it is not a tar archive." in text
    assert list(rows(image)) == ["bin", "etc", "srv"]


def test_a_layer_that_lies_elsewhere_is_named(web: Repository) -> None:
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": "sha256:" + "0" * 64,
        "size": 5,
        "urls": ["https://example.com/layer"],
    }
    image = push_image(web, layers=[foreign])

    assert "Layer 1 is not here as a whole, because its bytes are not here." in page(url(image))


def test_an_image_that_takes_long_is_read_bit_by_bit(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [files(f"f{n}") for n in range(4)]
    image = push_image(web, *contents)
    seconds = count(0, 10)
    monkeypatch.setattr("ui.files.images.time.thread_time", lambda: float(next(seconds)))
    monkeypatch.setattr(images, "MAX_CPU_SECONDS", 15)

    first = page(url(image))
    second = page(url(image))

    assert "Not all layers have been read yet" in first
    assert "layer 2, layer 3, layer 4" in first.replace("layer 4.", "layer 4")
    assert "f1" in second
    assert "layer 3, layer 4" in second


def test_a_tree_that_is_too_large_says_so(web: Repository) -> None:
    image = push_image(web, files("a"), files("/".join("d" * 300)))

    text = page(url(image))

    assert "because it has more than 200 folders within one another." in text
    assert list(rows(image)) == ["a"]


def test_an_image_of_many_layers_takes_as_many_queries_as_one_of_few(web: Repository) -> None:
    few = push_image(web, *(files(f"f{n}") for n in range(2)), reference="few")
    many = push_image(web, *(files(f"f{n}") for n in range(12)), reference="many")
    for image in (few, many):
        page(url(image))

    assert _queries(url(many)) == _queries(url(few))


@pytest.mark.parametrize("number", ["3", "x", "99999999999999999999", "-1"])
def test_a_layer_that_the_image_has_not_shows_all(web: Repository, number: str) -> None:
    image = push_image(web, LOWER, UPPER)

    assert list(rows(image, layer=number)) == ["bin", "etc", "srv"]


def test_only_images_have_such_a_page(web: Repository) -> None:
    image = push_image(web, LOWER)
    both = push(web, index(bytes(image.body)), "all")
    chart = push_full_chart(web)

    assert [Client().get(url(one)).status_code for one in (image, both, chart)] == [200, 404, 404]


def test_the_page_of_an_image_leads_to_its_files(web: Repository) -> None:
    image = push_image(web, LOWER)

    assert f'href="{url(image)}"' in page(url_of(image))


def _queries(address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        page(address)
    return len(captured)
