"""Content that means harm, or that nobody thought of, in every place where it shows."""

import json
from typing import Any

import pytest
from django.test import Client

from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import make_repository
from tests.ui.contents.pushed import (
    page,
    push_artifact,
    push_full_chart,
    push_image,
    tag_url,
    url_of,
)
from ui.display.prose import prose
from ui.display.text import shown, web_link

pytestmark = pytest.mark.django_db

TITLE = "org.opencontainers.image.title"
SCRIPT = '"><script>alert(1)</script>'
SPDX = "application/spdx+json"


@pytest.fixture
def evil() -> Repository:
    return make_repository("acme/evil", is_public=True)


def raw(repository: Repository, tag: str = "v1") -> str:
    answer = Client().get(tag_url(repository, tag))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_readme_can_do_no_harm(evil: Repository) -> None:
    readme = (
        "# T\n<script>alert(1)</script>\n<svg onload=alert(1)>\n![x](https://evil.test/x.png)\n"
        "[a](javascript:alert(1)) [b](data:text/html,x) <img src=x onerror=alert(1)>\n"
    )
    push_full_chart(evil, {"README.md": readme.encode()})

    text = raw(evil, "0.0.4")
    prose = text[text.index("b-readme") : text.index("</section>", text.index("b-readme"))]

    assert "<script" not in prose
    assert "<svg" not in prose
    assert "<img" not in prose
    assert "src=" not in prose.replace("src=x onerror", "")  # which is shown as text
    assert 'href="javascript' not in prose
    assert 'href="data' not in prose


@pytest.mark.parametrize(
    "address",
    ["/account/logout/", "?after=x", "#about", "docs/more.md", "//evil.test/x", "\\\\evil"],
)
def test_prose_of_strangers_leads_to_no_page_of_ours(address: str) -> None:
    html = prose(f"[a]({address}) [b]: {address}\n\n[c][d]\n\n[d]: {address}")

    assert "href" not in html
    assert ">a</a>" in html


@pytest.mark.parametrize("address", ["https://a.test/", "mailto:a@b.test", "oci://a.test/b"])
def test_prose_leads_to_the_web_to_mail_and_to_artifacts(address: str) -> None:
    assert f'href="{address}"' in prose(f"[a]({address})")


def test_a_huge_table_in_a_readme_is_cut(evil: Repository) -> None:
    table = "| a | b |\n|---|---|\n" + "| `x` | **y** |\n" * 20_000
    push_full_chart(evil, {"README.md": table.encode()})

    text = raw(evil, "0.0.4")

    assert "its beginning" in text
    assert len(text) < 2_000_000


def test_what_a_chart_says_is_text(evil: Repository) -> None:
    said = json.dumps(
        {
            "apiVersion": "v2",
            "name": "etherpad",
            "version": "0.0.4",
            "description": SCRIPT,
            "home": "javascript:alert(1)",
            "sources": [SCRIPT, "https://ok.test/'onclick='x"],
            "maintainers": [{"name": SCRIPT, "url": "data:text/html,x"}],
            "keywords": [SCRIPT],
            "annotations": {SCRIPT: SCRIPT},
            "dependencies": [{"name": SCRIPT, "repository": "javascript:alert(1)"}],
        }
    )
    push_full_chart(evil, {"Chart.yaml": said.encode(), "values.yaml": f"a: {SCRIPT}".encode()})

    text = raw(evil, "0.0.4")

    assert "<script>alert" not in text
    assert 'href="javascript' not in text
    assert 'href="data' not in text
    assert '<a href="https://ok.test' not in text


def test_annotations_are_text_and_link_only_to_the_web(evil: Repository) -> None:
    notes = {
        "a": "javascript:alert(1)",
        "b": "https://good.test/x",
        "c": "abc\u202edef",
        "d": "nul\x00here",
        "e": SCRIPT,
        "f": "https://[broken",
        "g": "http://a b",
        SCRIPT: "x",
        "\u202e": "y",
    }
    push_artifact(evil, reference="v1", annotations=notes, artifactType="application/x")

    text = raw(evil)

    assert 'href="javascript' not in text
    assert '<a href="https://good.test/x" rel="nofollow noopener ugc">' in text
    assert "abc[U+202E]def" in text
    assert "nul\ufffdhere" in text
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "<script>alert" not in text
    assert 'href="https://[broken' not in text


def test_a_value_of_a_megabyte_is_cut_and_says_so(evil: Repository) -> None:
    push_artifact(
        evil, reference="v1", annotations={"big": "x" * 1_000_000}, artifactType="application/x"
    )

    text = raw(evil)

    assert "(1,000,000 characters in all)" in text
    assert "its beginning" in text
    assert len(text) < 600_000


def test_ten_thousand_annotations_show_the_first(evil: Repository) -> None:
    notes = {f"key-{n:05}": "x" for n in range(10_000)}
    push_artifact(evil, reference="v1", annotations=notes, artifactType="application/x")

    text = raw(evil)

    assert "<bdi>key-00199</bdi>" in text
    assert "<bdi>key-00200</bdi>" not in text
    assert "And 9800 more." in text


def test_thousands_of_layers_show_the_first(evil: Repository) -> None:
    layers = [(b"x", "application/x", {TITLE: f"file-{n}"}) for n in range(3000)]
    push_artifact(evil, *layers, reference="v1", artifactType="application/x")

    text = raw(evil)

    assert text.count('class="b-layer-head"') == 201
    assert "And 2800 more" in text


@pytest.mark.parametrize(
    "config",
    [
        [],
        {"config": []},
        {"config": {"Env": "x", "Cmd": {"a": 1}, "Labels": [1], "ExposedPorts": 5}},
        {"history": "x"},
        {"history": [1]},
        {"history": [{"created_by": 7, "created": {}, "comment": []}]},
        {"os": 5, "architecture": [], "variant": {}},
        {"config": {"Env": ["A=" + "x" * 100_000], "User": SCRIPT, "Labels": {SCRIPT: SCRIPT}}},
        {"history": [{"created_by": SCRIPT}] * 5000},
    ],
)
def test_an_odd_config_never_breaks_the_page(evil: Repository, config: Any) -> None:
    push_image(evil, config=config)

    text = raw(evil)

    assert "<script>alert" not in text
    assert len(text) < 1_500_000


def test_a_config_that_is_nested_without_end_says_why(evil: Repository) -> None:
    content = b'{"a":' * 5000 + b"1" + b"}" * 5000
    push_artifact(
        evil, reference="v1", config=(content, "application/vnd.oci.image.config.v1+json")
    )

    assert "The config could not be read, because" in page(tag_url(evil, "v1"))


def test_names_of_files_cannot_leave_the_folder_or_the_header(evil: Repository) -> None:
    title = '../../etc/"passwd\r\nSet-Cookie: a=b'
    manifest = push_artifact(evil, (b"x", "text/plain", {TITLE: title}), reference="v1")

    saved = Client().get(
        f"{url_of(manifest)}/blobs/{json.loads(bytes(manifest.body))['layers'][0]['digest']}"
    )

    assert saved.headers["Content-Disposition"] == (
        'attachment; filename="passwd-Set-Cookie-a-b"; '
        "filename*=UTF-8''passwd-Set-Cookie-%20a%3Db"
    )
    assert "Set-Cookie" not in saved.headers


def test_components_of_an_sbom_are_text(evil: Repository) -> None:
    packages = [{"name": SCRIPT, "versionInfo": SCRIPT, "licenseDeclared": SCRIPT}]
    content = json.dumps({"spdxVersion": SCRIPT, "name": SCRIPT, "packages": packages}).encode()
    push_artifact(evil, (content, SPDX, {}), reference="v1")

    answer = Client().get(tag_url(evil, "v1"), {"q": SCRIPT, "page": "9" * 50})

    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()


def test_a_statement_is_text(evil: Repository) -> None:
    statement = {
        "predicateType": f"https://slsa.dev/provenance/{SCRIPT}",
        "subject": [{"name": SCRIPT, "digest": {SCRIPT: SCRIPT}}],
        "predicate": {"builder": {"id": SCRIPT}, "materials": [{"uri": SCRIPT}]},
    }
    content = json.dumps(statement).encode()
    push_artifact(evil, (content, "application/vnd.in-toto+json", {}), reference="v1")

    text = raw(evil)

    assert "<script>alert" not in text
    assert "SLSA provenance" in text


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//evil.test",
        "https://",
        "https://x y",
        'https://x"onclick=1',
        "https://[::1",
        " https://x",
        "https://x\u202e",
        "https://x\n",
        "ftp://x",
        f"https://x/{'y' * 3000}",
    ],
)
def test_what_is_no_address_of_the_web_is_no_link(text: str) -> None:
    assert web_link(text) == ""


def test_unseen_characters_are_spelled_out() -> None:
    assert shown("a\x00b\u202ec\x9fd") == "a[U+0000]b[U+202E]c[U+009F]d"
    assert shown("äöü → 漢字\n") == "äöü → 漢字\n"


def test_what_an_older_version_kept_shows(evil: Repository) -> None:
    chart = push_full_chart(evil)
    kept = {
        "annotations_json": '{"a\\udc00": "half \\ud83d nul \\u0000"}',
        "labels_json": '{"b": "\\ud83d"}',
    }
    Manifest.objects.filter(pk=chart.pk).update(**kept)
    said = '{"name": "etherpad", "version": "0.0.4", "description": "half \\ud83d"}'
    ChartVersion.objects.update(metadata_json=said, templates_json='["\\ud83d.yaml"]')

    assert "half \ufffd nul \ufffd" in page(tag_url(evil, "0.0.4"))
    compared = page(f"/{evil.path}/-/compare", a="0.0.4", b=chart.digest)
    index = Client().get("/helm/acme/index.yaml").getvalue().decode()

    assert "0.0.4" in compared
    assert "half \ufffd" in index
