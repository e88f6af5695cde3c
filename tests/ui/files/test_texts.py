"""One file of a layer: its text in lines, or its bytes to be saved."""

import tarfile
from typing import Any

import pytest
from django.test import Client

from registry.blobs.transfers import transfers
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import make_repository, make_user
from tests.ui.browsing import browser
from tests.ui.contents.pushed import page, push_full_chart, push_image, url_of
from tests.ui.files.packing import Member, file, layer, link
from ui.files import texts
from ui.files.contents import MAX_TEXT_BYTES

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def address(manifest: Manifest, door: str = "file") -> str:
    return f"{url_of(manifest)}/layers/{manifest.document.layers[0].digest}/{door}"


def image(repository: Repository, *members: Member) -> Manifest:
    return push_image(repository, layer(*members))


def opened(manifest: Manifest, path: str) -> Any:
    return Client().get(address(manifest), {"path": path})


def text_of(manifest: Manifest, path: str) -> str:
    response = opened(manifest, path)
    assert response.status_code == 200
    return "\n".join(response.context["source"].lines)


def saved(manifest: Manifest, path: str) -> Any:
    return Client().get(address(manifest, "raw"), {"path": path})


def test_a_text_is_shown_in_lines_that_have_addresses(web: Repository) -> None:
    text = opened(image(web, file("etc/motd", b"one\ntwo\n")), "etc/motd").content.decode()

    assert '<div class="b-line" id="L2"><a href="#L2" aria-label="Line 2">2</a><span>two' in text


def test_markup_in_a_text_is_text(web: Repository) -> None:
    manifest = image(web, file("a.html", b"<script>alert(1)</script>"))

    assert "<script>alert" not in opened(manifest, "a.html").content.decode()


def test_yaml_is_in_colours(web: Repository) -> None:
    assert "hl-nt" in text_of(image(web, file("a.yaml", b"key: value\n")), "a.yaml")


@pytest.mark.parametrize("content", [b"\x7fELF\x00\x01", b"\xfd\x80\x81\x82", b"a\x00b"])
def test_a_binary_file_says_so_and_can_be_saved(web: Repository, content: bytes) -> None:
    manifest = image(web, file("bin/x", content))

    response = opened(manifest, "bin/x")

    assert "This is a binary file." in response.content.decode()
    assert saved(manifest, "bin/x").content == content


def test_an_empty_file_says_so(web: Repository) -> None:
    assert "This file is empty." in opened(image(web, file("a")), "a").content.decode()


@pytest.mark.parametrize("character", ["x", "\u00e9", "\u20ac", "\U0001f600"])
def test_of_a_long_text_the_beginning_is_shown(web: Repository, character: str) -> None:
    content = b"a" + (character * MAX_TEXT_BYTES).encode()

    response = opened(image(web, file("long", content)), "long")

    assert response.context["is_cut"]
    assert response.context["source"].lines[0].startswith("a" + character)


def test_the_last_of_several_entries_with_one_path_counts(web: Repository) -> None:
    assert text_of(image(web, file("a", b"old"), file("b"), file("a", b"new")), "a") == "new"


def test_a_hard_link_shows_what_it_is_a_link_to(web: Repository) -> None:
    manifest = image(web, file("a", b"one"), link("b", "a", tarfile.LNKTYPE))

    assert text_of(manifest, "b") == "one"


def test_hard_links_in_a_circle_lead_nowhere(web: Repository) -> None:
    manifest = image(web, link("a", "b", tarfile.LNKTYPE), link("b", "a", tarfile.LNKTYPE))

    assert opened(manifest, "a").status_code == 404


@pytest.mark.parametrize("path", ["", "absent", "d", "soft", ".wh.gone", "../etc/passwd"])
def test_what_is_no_file_of_the_layer_is_not_found(web: Repository, path: str) -> None:
    folder, _ = file("d")
    folder.type = tarfile.DIRTYPE
    manifest = image(web, (folder, b""), link("soft", "/etc/passwd"), file(".wh.gone"), file("x"))

    assert opened(manifest, path).status_code == 404
    assert saved(manifest, path).status_code == 404


def test_a_file_of_a_chart_is_found_below_the_folder_of_the_chart(web: Repository) -> None:
    chart = push_full_chart(web, {"templates/a.yaml": b"kind: {{ .Values.kind }}"})

    assert "kind" in text_of(chart, "templates/a.yaml")
    assert "kind" in text_of(chart, "etherpad/templates/a.yaml")


def test_the_page_of_a_chart_leads_to_its_templates(web: Repository) -> None:
    chart = push_full_chart(web, {"templates/a & b.yaml": b"x: 1"})

    link = f'href="{address(chart)}?path=templates%2Fa%20%26%20b.yaml"'

    assert link in page(url_of(chart))


def test_a_file_is_saved_and_never_shown_by_the_browser(web: Repository) -> None:
    response = saved(image(web, file("srv/page.html", b"<p>")), "srv/page.html")

    assert response.headers["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.content == b"<p>"


def test_a_longer_file_holds_a_place_among_the_transfers_until_it_is_there(
    web: Repository,
) -> None:
    content = bytes(3 * 1024 * 1024)
    response = saved(image(web, file("a", content)), "a")

    assert response.headers["Content-Length"] == str(len(content))
    assert transfers.downloads == 1
    assert _bytes_of(response) == content
    assert transfers.downloads == 0


def test_a_large_file_is_not_unpacked(web: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_SAVED_BYTES", 10)
    manifest = image(web, file("large", b"\x00" * 11))

    response = saved(manifest, "large")

    assert response.status_code == 403
    assert "Download the layer." in response.content.decode()
    assert "download the layer" in opened(manifest, "large").content.decode()


def test_a_file_that_is_cut_short_is_not_saved(web: Repository) -> None:
    content = layer(file("a", b"x"), file("b", b"x" * 5000))[:3000]
    manifest = push_image(web, content)

    response = saved(manifest, "b")

    assert response.status_code == 422
    assert "because it is cut short." in response.content.decode()


@pytest.mark.parametrize("door", ["file", "raw"])
def test_who_may_not_see_the_image_sees_no_file_of_it(door: str) -> None:
    secret = make_repository("acme/secret")
    url = f"{address(image(secret, file('a', b'x')), door)}?path=a"

    assert Client().get(url).status_code == 404
    assert browser(make_user("mallory")).get(url).status_code == 404


def _bytes_of(response: Any) -> bytes:
    content = b"".join(response)
    response.close()
    return content
