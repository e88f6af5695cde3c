"""The page of a Helm chart."""

import re

import pytest
from django.test import Client

from accounts.users.models import User
from registry.repositories.models import Repository
from tests.registry.builders import make_repository
from tests.registry.charts.builders import push_chart
from tests.ui.browsing import browser
from tests.ui.contents.pushed import HOST, page, push_full_chart, tag_url, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def etherpad() -> Repository:
    return make_repository("helm/etherpad", is_public=True)


def test_a_chart_shows_what_its_chart_yaml_says(etherpad: Repository) -> None:
    push_full_chart(etherpad)

    text = page(tag_url(etherpad, "0.0.4"))

    for said in (
        "Collaborative editing",
        "1.9.7",
        ">= 1.25",
        "Apache-2.0",
        '<a href="https://etherpad.org" rel="nofollow noopener ugc">etherpad.org</a>',
        '<a href="https://github.com/sabre" rel="nofollow noopener ugc">sabre</a>',
        '<span class="badge">editor</span>',
        "^2.0.0",
        "templates/configmap.yaml",
        "a signed .prov file",
    ):
        assert said in text


def test_readme_values_and_schema_are_shown_and_can_be_saved(etherpad: Repository) -> None:
    manifest = push_full_chart(etherpad)

    text = page(tag_url(etherpad, "0.0.4"))
    values = Client().get(f"{url_of(manifest)}/chart/values.yaml")

    assert "<h3>Etherpad</h3>" in text
    assert "<strong>real-time</strong>" in text
    assert 'id="values-lines-2"' in text
    assert "values.schema.json" in text
    assert values.content == b"replicas: 1\nhost: pad.example.com\n"
    assert values.headers["Content-Disposition"] == 'attachment; filename="values.yaml"'


def test_commands_are_right_for_a_tag_that_is_the_version(etherpad: Repository) -> None:
    manifest = push_full_chart(etherpad)

    text = page(tag_url(etherpad, "0.0.4"))

    oci = "oci://testserver/helm/etherpad"
    for command in (
        f"helm pull {oci} --version 0.0.4 --plain-http",
        f"helm install etherpad {oci} --version 0.0.4 --plain-http",
        f"helm show values {oci} --version 0.0.4 --plain-http",
        f"helm pull {oci}@{manifest.digest} --plain-http",
        "helm repo add helm http://testserver/helm/helm",
        "helm pull helm/etherpad --version 0.0.4",
    ):
        assert f'data-copy="{command}"' in text
    assert f"url: {oci}\n  insecure: true\n" in text
    assert '  ref:\n    tag: "0.0.4"\n' in text
    assert "repoURL: http://testserver/helm/helm\n    chart: etherpad\n" in text


def test_with_tls_argo_cd_reads_the_oci_registry(etherpad: Repository) -> None:
    push_full_chart(etherpad)

    response = Client().get(tag_url(etherpad, "0.0.4"), headers=HOST, secure=True)

    text = response.content.decode()
    assert "repoURL: testserver/helm\n    chart: etherpad\n" in text
    assert "insecure: true" not in text
    assert "--plain-http" not in text


def test_a_version_with_build_metadata_is_asked_for_with_a_plus(etherpad: Repository) -> None:
    push_chart(etherpad, version="1.0.0+build.5")

    text = page(tag_url(etherpad, "1.0.0_build.5"))

    assert "--version 1.0.0+build.5" in text
    assert 'tag: "1.0.0_build.5"' in text


def test_a_chart_under_another_tag_is_asked_for_by_digest(etherpad: Repository) -> None:
    manifest = push_chart(etherpad, tag="latest")

    text = page(tag_url(etherpad, "latest"))

    assert "--version" not in text
    assert f"helm pull oci://testserver/helm/etherpad@{manifest.digest}" in text
    assert f"ref:\n    digest: {manifest.digest}\n" in text
    assert "helm repo add" not in text


def test_a_private_chart_names_who_logs_in() -> None:
    repository = make_repository("helm/secret")
    push_chart(repository, name="secret")
    owner = User.objects.get(username="helm-owner")

    text = page(tag_url(repository, "0.0.4"), browser(owner))

    assert f"helm repo add helm http://testserver/helm/helm --username {owner.username}" in text
    assert "secretRef:\n    name: registry-login\n" in text


def test_other_versions_lead_to_their_tags(etherpad: Repository) -> None:
    push_full_chart(etherpad)
    push_chart(etherpad, version="0.0.5")
    push_chart(etherpad, version="1.0.0", tag="stable")

    text = page(tag_url(etherpad, "0.0.4"))

    assert '<a href="/helm/etherpad/-/tags/0.0.5">0.0.5</a>' in text
    assert '<a href="/helm/etherpad/-/manifests/sha256:' in text
    assert text.index(">1.0.0</a>") < text.index(">0.0.5</a>")


def test_a_chart_that_could_not_be_read_says_why(etherpad: Repository) -> None:
    push_full_chart(etherpad, {"Chart.yaml": b"name: [broken"})

    text = page(tag_url(etherpad, "0.0.4"))

    assert "The chart could not be read, because" in text
    assert "helm pull oci://testserver/helm/etherpad --version 0.0.4" in text
    assert "helm repo add" not in text


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"values.yaml": b"a: 1\nb: ["}, "values.yaml is broken: it is not YAML"),
        ({"Chart.lock": b"- a"}, "Chart.lock could not be read, because it must be a mapping."),
        ({"requirements.yaml": b"a"}, "requirements.yaml could not be read, because it must be"),
        ({"charts/sub.tgz": b"junk"}, "charts/sub.tgz is broken: its archive cannot be unpacked"),
    ],
    ids=lambda one: "" if isinstance(one, str) else next(iter(one)),
)
def test_a_chart_that_helm_refuses_says_why_and_shows_what_it_has(
    etherpad: Repository, files: dict[str, bytes], problem: str
) -> None:
    push_full_chart(etherpad, files)

    text = page(tag_url(etherpad, "0.0.4"))

    assert "Helm refuses to load this chart" in text
    assert problem in text
    assert "<strong>real-time</strong>" in text
    assert "<strong>real-time</strong>" in page(f"/{etherpad.path}")


def test_a_deprecated_chart_is_called_so(etherpad: Repository) -> None:
    push_chart(etherpad, more="deprecated: true\n")

    assert "This chart is deprecated" in page(tag_url(etherpad, "0.0.4"))


def test_a_file_that_a_chart_does_not_have_is_not_there(etherpad: Repository) -> None:
    manifest = push_chart(etherpad)

    for name in ("README.md", "Chart.yaml", "templates"):
        assert Client().get(f"{url_of(manifest)}/chart/{name}").status_code == 404


@pytest.mark.parametrize("name", ["Readme.md", "readme.MD", "README"])
def test_a_readme_is_shown_and_saved_under_its_own_name(etherpad: Repository, name: str) -> None:
    manifest = push_full_chart(etherpad, {"README.md": None, name: b"# Hello *there*"})

    text = page(url_of(manifest))
    saved = Client().get(f"{url_of(manifest)}/chart/{name}")

    assert f'<h2 id="readme-title">{name}</h2>' in text
    assert "<h3>Hello <em>there</em></h3>" in text
    assert saved.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_a_readme_that_is_plain_text_is_shown_as_it_is(etherpad: Repository) -> None:
    manifest = push_full_chart(etherpad, {"README.md": None, "README.txt": b"# Hello *there*"})

    assert "# Hello *there*" in page(url_of(manifest))


DEPENDENCIES = b"""\
apiVersion: v2
name: etherpad
version: 0.0.4
dependencies:
  - {name: redis, version: ^1.0.0, repository: "https://charts.example.com", alias: cache,
     condition: "cache.enabled, global.cache", tags: [fast]}
  - {name: mysql, version: 1.x, tags: [store]}
  - {name: common, version: 2.0.0}
"""
LOCK = b"dependencies: [{name: redis, version: 1.4.2}, {name: common, version: 2.0.0}]\n"


def test_dependencies_are_told_with_aliases_conditions_tags_and_locked_versions(
    etherpad: Repository,
) -> None:
    files = {"Chart.yaml": DEPENDENCIES, "Chart.lock": LOCK, "charts/redis-1.4.2.tgz": b"x"}
    manifest = push_full_chart(etherpad, files)

    rows = _rows(page(url_of(manifest)), "dependencies")

    assert rows == [
        "redis as cache ^1.0.0 locked at 1.4.2 https://charts.example.com in the archive"
        " condition cache.enabled , global.cache tag fast",
        "mysql 1.x tag store",
        "common 2.0.0 always",
    ]


def test_charts_in_the_archive_that_no_dependency_names_are_listed(etherpad: Repository) -> None:
    files = {"charts/old-0.1.0.tgz": b"x", "charts/common/Chart.yaml": b"x"}
    manifest = push_full_chart(etherpad, files)

    text = page(url_of(manifest)).partition('id="subcharts"')[2].partition("</section>")[0]

    assert "old-0.1.0.tgz" in text
    assert "common" not in text


def test_a_calendar_version_is_a_version(etherpad: Repository) -> None:
    push_chart(etherpad, version="2024.01.15")

    text = page(tag_url(etherpad, "2024.01.15"))

    assert "helm pull oci://testserver/helm/etherpad --version 2024.01.15 --plain-http" in text
    assert "could not be read" not in text


def _rows(text: str, section: str) -> list[str]:
    """The text of each row of a table, its cells divided by a space."""
    body = text.partition(f'id="{section}"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        " ".join(re.sub("<[^>]+>", " ", row).split()) for row in body.split("</tr>") if row.strip()
    ]
