"""Packages of two manifests that differ, as attached SBOMs say."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client

from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import make_repository
from tests.ui.contents.pushed import about, push_artifact, push_image
from tests.ui.files.packing import files

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def attach(repository: Repository, subject: Manifest, content: bytes) -> Manifest:
    kind = "application/spdx+json"
    return push_artifact(repository, (content, kind, {}), subject=about(subject), artifactType=kind)


def spdx(packages: Mapping[str, str]) -> bytes:
    listed = [{"name": name, "versionInfo": version} for name, version in packages.items()]
    return json.dumps({"spdxVersion": "SPDX-2.3", "name": "web", "packages": listed}).encode()


def image(repository: Repository, tag: str, sbom: bytes | None) -> Manifest:
    manifest = push_image(repository, files(tag), reference=tag)
    if sbom is not None:
        attach(repository, manifest, sbom)
    return manifest


def compared() -> Any:
    response = Client().get("/acme/web/-/compare/packages?a=v1&b=v2")
    assert response.status_code == 200
    return response


def test_packages_that_came_went_and_changed(web: Repository) -> None:
    image(web, "v1", spdx({"curl": "8.1", "zlib": "1.3", "gone": "1"}))
    image(web, "v2", spdx({"curl": "8.2", "zlib": "1.3", "new": "2"}))

    (table,) = compared().context["tables"]

    assert {row.name: (row.state, row.a, row.b) for row in table.rows} == {
        "curl": ("changed", "8.1", "8.2"),
        "gone": ("removed", "1", ""),
        "new": ("added", "", "2"),
    }
    assert table.alike == 1


def test_a_package_is_known_by_its_purl_and_has_several_versions(web: Repository) -> None:
    def cyclonedx(*purls: str) -> bytes:
        parts = [
            {
                "type": "library",
                "name": "x",
                "version": one.partition("@")[2].partition("?")[0],
                "purl": one,
            }
            for one in purls
        ]
        return json.dumps(
            {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": parts}
        ).encode()

    image(web, "v1", cyclonedx("pkg:npm/x@1?a=b", "pkg:npm/x@2"))
    image(web, "v2", cyclonedx("pkg:npm/x@2", "pkg:pypi/x@2"))

    (table,) = compared().context["tables"]

    assert [(row.name, row.a, row.b) for row in table.rows] == [
        ("npm/x", "1, 2", "2"),
        ("pypi/x", "", "2"),
    ]


@pytest.mark.parametrize(
    ("sbom", "said"),
    [
        (None, "No SBOM is attached to v2."),
        (b"{ no json", "No SBOM of v2 could be read: one "),
    ],
)
def test_without_an_sbom_nothing_is_called_the_same(
    web: Repository, sbom: bytes | None, said: str
) -> None:
    image(web, "v1", spdx({"curl": "1"}))
    image(web, "v2", sbom)

    response = compared()

    assert said in response.content.decode()
    assert response.context["tables"] == []
