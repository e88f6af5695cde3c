"""Components of SBOMs, honest and otherwise."""

import json
from typing import Any

import pytest

from artifacts.documents import sboms
from artifacts.documents.documents import read_document
from artifacts.documents.sboms import Component, Sbom


def read_sbom(content: bytes) -> Sbom:
    found = read_document(content).sbom
    assert found is not None
    return found


def as_bytes(**document: Any) -> bytes:
    return json.dumps(document).encode()


def test_packages_of_spdx() -> None:
    purl = {"referenceType": "purl", "referenceLocator": "pkg:apk/openssl@3"}
    package = {
        "name": "openssl",
        "versionInfo": "3",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "Apache-2.0",
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": [{"referenceType": "cpe23Type", "referenceLocator": "cpe"}, purl],
    }

    sbom = read_sbom(as_bytes(spdxVersion="SPDX-2.3", name="web", packages=[package]))

    assert (sbom.form, sbom.subject) == ("SPDX-2.3", "web")
    assert sbom.components == [
        Component("openssl", "3", "library", "Apache-2.0", "pkg:apk/openssl@3")
    ]


def test_components_of_cyclonedx_and_those_within_them() -> None:
    inner = {"type": "file", "name": "inner"}
    outer = {
        "type": "library",
        "group": "org.acme",
        "name": "outer",
        "version": "1",
        "licenses": [{"license": {"id": "MIT"}}, {"expression": "A OR B"}],
        "components": [inner],
    }

    sbom = read_sbom(as_bytes(bomFormat="CycloneDX", specVersion="1.6", components=[outer]))

    assert sbom.form == "CycloneDX 1.6"
    assert [(one.name, one.licence) for one in sbom.components] == [
        ("org.acme/outer", "MIT, A OR B"),
        ("inner", ""),
    ]


def test_artifacts_of_syft() -> None:
    one = {"name": "musl", "version": "1.2", "type": "apk", "licenses": ["MIT", {"value": "BSD"}]}
    schema = {"url": "https://raw.githubusercontent.com/anchore/syft/schema.json", "version": "16"}

    sbom = read_sbom(as_bytes(schema=schema, artifacts=[one], source={"name": "alpine"}))

    assert (sbom.form, sbom.subject) == ("Syft 16", "alpine")
    assert sbom.components == [Component("musl", "1.2", "apk", "MIT, BSD", "")]


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_cyclonedx_of_every_version_that_has_json(version: str) -> None:
    sbom = read_sbom(
        as_bytes(bomFormat="CycloneDX", specVersion=version, components=[{"name": "a"}])
    )

    assert (sbom.form, len(sbom.components)) == (f"CycloneDX {version}", 1)


def test_packages_of_spdx_3() -> None:
    graph = [
        {"type": "CreationInfo", "@id": "_:creation", "specVersion": "3.0.1"},
        {"type": "SpdxDocument", "spdxId": "urn:doc", "name": "web"},
        {
            "type": "software_Package",
            "spdxId": "urn:openssl",
            "name": "openssl",
            "software_packageVersion": "3",
            "software_primaryPurpose": "library",
            "externalIdentifier": [
                {"externalIdentifierType": "cpe23", "identifier": "cpe"},
                {"externalIdentifierType": "packageUrl", "identifier": "pkg:apk/openssl@3"},
            ],
        },
        {"type": "software_File", "spdxId": "urn:file", "name": "libssl.so"},
        {
            "type": "simplelicensing_LicenseExpression",
            "spdxId": "urn:licence",
            "simplelicensing_licenseExpression": "Apache-2.0",
        },
        {
            "type": "Relationship",
            "relationshipType": "hasDeclaredLicense",
            "from": "urn:openssl",
            "to": ["urn:licence"],
        },
    ]
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"

    sbom = read_sbom(as_bytes(**{"@context": context, "@graph": graph}))

    assert (sbom.form, sbom.subject) == ("SPDX-3.0.1", "web")
    assert sbom.components == [
        Component("openssl", "3", "library", "Apache-2.0", "pkg:apk/openssl@3")
    ]


@pytest.mark.parametrize(
    "context",
    [
        "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        ["https://spdx.org/rdf/3.0.1/spdx-context.jsonld", {"a": "urn:a"}],
        {"@vocab": "https://spdx.org/rdf/3.0.1/terms/"},
    ],
    ids=["text", "list", "vocabulary"],
)
def test_a_single_element_of_spdx_3_needs_no_graph(context: object) -> None:
    sbom = read_sbom(as_bytes(**{"@context": context, "type": "software_Package", "name": "a"}))

    assert [one.name for one in sbom.components] == ["a"]


@pytest.mark.parametrize("wrong", [None, 1, "x", {}, [1, None, "x"], [{"name": 5, "licenses": 5}]])
def test_wrong_types_are_left_out(wrong: Any) -> None:
    for document in (
        {"spdxVersion": "SPDX-2.3", "packages": wrong},
        {"bomFormat": "CycloneDX", "components": wrong, "metadata": wrong},
        {"schema": {"url": "syft"}, "artifacts": wrong, "source": wrong},
        {
            "@context": "https://spdx.org/rdf/3.0.1/",
            "@graph": [{"type": wrong, "to": wrong}, wrong],
        },
    ):
        assert all(one.name == "" for one in read_sbom(as_bytes(**document)).components)


def test_more_components_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sboms, "MAX_COMPONENTS", 2)

    sbom = read_sbom(
        as_bytes(spdxVersion="SPDX-2.3", packages=[{"name": str(i)} for i in range(5)])
    )

    assert [one.name for one in sbom.components] == ["0", "1"]
    assert sbom.left_out == 3


def test_several_sboms_in_one_file_are_one_list() -> None:
    one = as_bytes(spdxVersion="SPDX-2.3", name="web", packages=[{"name": "musl"}])
    other = as_bytes(bomFormat="CycloneDX", specVersion="1.6", components=[{"name": "zlib"}])

    for content in (one + other, one + b"\n" + other + b"\n", b"[" + one + b"," + other + b"]"):
        sbom = read_sbom(content)
        assert sbom.form == "SPDX-2.3 and CycloneDX 1.6, 2 in one file"
        assert [component.name for component in sbom.components] == ["musl", "zlib"]
