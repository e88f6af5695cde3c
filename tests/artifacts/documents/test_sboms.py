"""Components of SBOMs, honest and otherwise."""

import json
from typing import Any

import pytest

from artifacts.documents import sboms
from artifacts.documents.sboms import Component, SbomUnreadable, read_sbom


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


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "neither SPDX 2"),
        (b"[]", "must be a JSON object"),
        (b"\x00\xff", "not UTF-8"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_sbom_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(SbomUnreadable, match=reason):
        read_sbom(content)


def test_an_sbom_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sboms, "MAX_SBOM_BYTES", 10)

    with pytest.raises(SbomUnreadable, match="larger than"):
        read_sbom(b"{" + b" " * 20)


@pytest.mark.parametrize("wrong", [None, 1, "x", {}, [1, None, "x"], [{"name": 5, "licenses": 5}]])
def test_wrong_types_are_left_out(wrong: Any) -> None:
    for document in (
        {"spdxVersion": "SPDX-2.3", "packages": wrong},
        {"bomFormat": "CycloneDX", "components": wrong, "metadata": wrong},
        {"schema": {"url": "syft"}, "artifacts": wrong, "source": wrong},
    ):
        assert all(one.name == "" for one in read_sbom(as_bytes(**document)).components)


def test_more_components_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sboms, "MAX_COMPONENTS", 2)

    sbom = read_sbom(
        as_bytes(spdxVersion="SPDX-2.3", packages=[{"name": str(i)} for i in range(3)])
    )

    assert [one.name for one in sbom.components] == ["0", "1"]
    assert sbom.is_cut
