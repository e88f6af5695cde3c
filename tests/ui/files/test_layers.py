"""The files of one layer, folder by folder."""

import gzip
import tarfile

import pytest
from django.test import Client

from artifacts.oci.digest import Digest
from registry.blobs.transfers import transfers
from registry.repositories.models import Repository
from tests.registry.builders import make_repository
from tests.ui.contents.pushed import page, push_full_chart, push_image, url_of
from tests.ui.files.packing import file, files, layer, link
from ui.files.folders import ROWS_PER_PAGE, Row

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def files_url(repository: Repository, content: bytes, tag: str = "v1") -> str:
    manifest = push_image(repository, content, reference=tag)
    return f"{url_of(manifest)}/layers/{Digest.of(content)}"


def rows(url: str, **query: str) -> list[Row]:
    response = Client().get(url, query)
    assert response.status_code == 200
    return list(response.context["folder"].rows)


def names(url: str, **query: str) -> list[str]:
    return [row.name for row in rows(url, **query)]


def test_a_folder_shows_what_lies_in_it_and_no_deeper(web: Repository) -> None:
    url = files_url(web, gzip.compress(files("readme", "bin/sh", "usr/lib/a", "usr/lib/b")))

    assert names(url) == ["bin", "usr", "readme"]
    assert names(url, **{"in": "usr"}) == ["lib"]
    assert names(url, **{"in": "usr/lib"}) == ["a", "b"]


def test_a_folder_has_the_size_and_the_number_of_all_files_in_it(web: Repository) -> None:
    url = files_url(web, layer(file("a/b/c", b"x" * 300), file("a/d", b"x" * 300), file("e")))

    folder, _ = rows(url)

    assert (folder.size, folder.count, folder.percent) == (600, 2, 100)


def test_the_largest_come_first_when_that_is_asked_for(web: Repository) -> None:
    url = files_url(web, layer(file("a", b"x"), file("b", b"xxx"), file("c/d", b"xx")))

    assert names(url, order="size") == ["b", "c", "a"]


def test_a_folder_names_those_above_it(web: Repository) -> None:
    text = page(f"{files_url(web, files('usr/lib/a'))}?in=usr/lib")

    assert '<a href="?in=usr"><bdi>usr</bdi></a>' in text
    assert '<span aria-current="location"><bdi>lib</bdi></span>' in text


@pytest.mark.parametrize("path", ["absent", "usr/absent/deeper", "usr/file", "../.."])
def test_a_folder_that_is_not_there_is_not_found(web: Repository, path: str) -> None:
    assert Client().get(files_url(web, files("usr/file")), {"in": path}).status_code == 404


def test_what_is_no_file_is_named_as_what_it_is(web: Repository) -> None:
    device, pipe = file("null"), file("queue")
    device[0].type, pipe[0].type = tarfile.CHRTYPE, tarfile.FIFOTYPE
    hard = link("other", "etc/real", tarfile.LNKTYPE)
    url = files_url(web, layer(file("etc/real"), link("soft", "/etc/gone"), hard, device, pipe))

    assert [(row.name, row.kind, row.target) for row in rows(url)] == [
        ("etc", "folder", ""),
        ("null", "device", ""),
        ("other", "hard link", "etc/real"),
        ("queue", "pipe", ""),
        ("soft", "link", "/etc/gone"),
    ]


def test_a_link_leads_to_what_it_is_a_link_to_where_that_is_here(web: Repository) -> None:
    url = files_url(
        web,
        layer(
            file("usr/lib/x"),
            link("lib64", "usr/lib"),
            link("usr/up", "../usr/lib/x"),
            link("gone", "nowhere"),
            link("out", "../../.."),
        ),
    )

    targets = {row.name: row.target_url for row in [*rows(url), *rows(url, **{"in": "usr"})]}

    assert targets["lib64"] == "?in=usr%2Flib"
    assert targets["up"].endswith("/file?path=usr%2Flib%2Fx")
    assert targets["gone"] == targets["out"] == ""


def test_whiteouts_say_what_they_take_away(web: Repository) -> None:
    url = files_url(web, files("etc/.wh.old", "etc/.wh..wh..opq", "etc/.wh..wh.plnk"))

    assert [row.removes for row in rows(url, **{"in": "etc"})] == [
        "all that the layers below have in this folder",
        "nothing: a mark of AUFS",
        "etc/old",
    ]


def test_odd_names_are_shown_and_are_no_markup(web: Repository) -> None:
    url = files_url(web, files("<b>x", "a\u202eb", "c\nd", " e ", "<d>/f"))

    text = Client().get(url).content.decode()

    assert "&lt;b&gt;x" in text
    assert "a[U+202E]b" in text
    assert "<b>x" not in text
    assert names(url, **{"in": "<d>"}) == ["f"]
    assert rows(url, q="e")[0].url.endswith("path=+e+")


def test_a_filter_looks_below_the_folder_that_is_open(web: Repository) -> None:
    url = files_url(web, files("usr/lib/Ssl.so", "usr/bin/ssl", "etc/ssl/conf"))

    assert names(url, q="ssl") == ["etc/ssl", "etc/ssl/conf", "usr/bin/ssl", "usr/lib/Ssl.so"]
    assert names(url, q="ssl", **{"in": "usr"}) == ["bin/ssl", "lib/Ssl.so"]


def test_a_folder_of_many_files_has_pages(web: Repository) -> None:
    count = ROWS_PER_PAGE + 200
    url = files_url(web, files(*(f"d/f{n:04}" for n in range(count))))

    first = Client().get(url, {"in": "d"}).context["folder"]
    rest = names(url + first.next_url)

    assert len(first.rows) == ROWS_PER_PAGE
    assert rest == [f"f{n:04}" for n in range(ROWS_PER_PAGE, count)]


def test_a_layer_that_is_no_archive_says_why(web: Repository) -> None:
    text = page(files_url(web, b"no tar at all " * 100))

    assert "The files could not be read, because it is not a tar archive." in text


def test_a_list_that_ends_early_says_so(web: Repository) -> None:
    text = page(files_url(web, files("a", "b")[:1600]))

    assert "The list is not whole, because it is cut short." in text


def test_folders_too_deep_for_a_page_are_told(web: Repository) -> None:
    text = page(files_url(web, files("first", "/".join("d" * 300))))

    assert "The list is not whole, because it has more than 200 folders within one another." in text


def test_the_archive_of_a_chart_has_files_too(web: Repository) -> None:
    chart = push_full_chart(web)
    blob = chart.document.layers[0].digest

    assert names(f"{url_of(chart)}/layers/{blob}", **{"in": "etherpad/templates"}) == [
        "configmap.yaml"
    ]


def test_listing_files_takes_and_gives_back_a_place_among_the_transfers(
    web: Repository, settings: object
) -> None:
    url = files_url(web, files("a"))
    settings.MAXIMUM_CONCURRENT_DOWNLOADS = 1  # type: ignore[attr-defined]
    transfers.begin_download()
    try:
        full = Client().get(url)
    finally:
        transfers.end_download()

    assert full.status_code == 429
    assert full.headers["Retry-After"] == "2"
    assert page(url)
    assert transfers.downloads == 0


def test_a_layer_that_was_listed_lately_is_not_read_again(web: Repository) -> None:
    url = files_url(web, files("a"))
    first = names(url)
    transfers.begin_download()
    try:
        assert names(url) == first
    finally:
        transfers.end_download()


def test_a_layer_of_another_manifest_is_not_shown(web: Repository) -> None:
    mine = push_image(web, files("a"))
    other = files("b")
    push_image(web, other, reference="v2", config={"n": 2})

    assert Client().get(f"{url_of(mine)}/layers/{Digest.of(other)}").status_code == 404
    assert Client().get(f"{url_of(mine)}/blobs/{Digest.of(other)}").status_code == 404


def test_a_remembered_layer_is_shown_only_where_the_repository_holds_it(web: Repository) -> None:
    """A manifest may name the digest of what others hold, as layers that lie elsewhere."""
    content = files("secret")
    theirs = files_url(make_repository("acme/private"), content)
    digest = Digest.of(content)
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": str(digest),
        "size": len(content),
        "urls": ["https://example.com/layer"],
    }
    mine = push_image(web, layers=[foreign])
    assert theirs

    assert Client().get(f"{url_of(mine)}/layers/{digest}").status_code == 404
    assert "secret" not in page(f"{url_of(mine)}/files")
