"""What attestations state, honest and otherwise."""

import base64
import json
from typing import Any

import pytest

from artifacts.documents.documents import read_document
from artifacts.documents.opening import NotShown
from artifacts.documents.statements import Named, Statement
from tests.artifacts.signatures.signing import Signer, statement

DIGEST = f"sha256:{'a' * 64}"
SLSA_1 = {
    "buildDefinition": {
        "buildType": "https://example.com/workflow",
        "resolvedDependencies": [{"uri": "git+https://x", "digest": {"gitCommit": "9f1c"}}],
    },
    "runDetails": {"builder": {"id": "https://builder"}, "metadata": {"invocationId": "7"}},
}
SLSA_02 = {
    "builder": {"id": "https://builder"},
    "buildType": "https://example.com/workflow",
    "materials": [{"uri": "git+https://x", "digest": {"gitCommit": "9f1c"}}],
    "metadata": {"buildInvocationId": "7"},
}


def read_statement(content: bytes) -> Statement:
    (found,) = read_document(content).statements
    return found


def test_a_statement_is_found_in_each_of_its_wrappings() -> None:
    signer = Signer()

    for content in (
        statement(DIGEST),
        signer.envelope(DIGEST).content,
        signer.attestation(DIGEST, "https://example.com/tested/v1").content,
    ):
        found = read_statement(content)
        assert found.predicate_type == "https://example.com/tested/v1"
        assert found.subjects == [Named("", DIGEST)]


@pytest.mark.parametrize(
    ("version", "predicate"), [("v1", SLSA_1), ("v0.2", SLSA_02)], ids=["v1", "v0.2"]
)
def test_provenance_names_builder_and_materials(version: str, predicate: dict[str, Any]) -> None:
    kind = f"https://slsa.dev/provenance/{version}"

    found = read_statement(statement(DIGEST, predicateType=kind, predicate=predicate)).provenance

    assert found is not None
    assert (found.builder, found.invocation) == ("https://builder", "7")
    assert found.build_type == "https://example.com/workflow"
    assert found.materials == [Named("git+https://x", "gitCommit:9f1c")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "is JSON of a form that is not known here, which is kept and not shown"),
        (b"not json", "is text of no form that is known here"),
        (b'{"payload": "%%%"}', "is an envelope whose payload is not base64"),
        (
            json.dumps({"payload": base64.b64encode(b"x").decode()}).encode(),
            "is text of no form that is known here",
        ),
        (b'{"predicateType": 5}', "is JSON of a form that is not known here"),
    ],
)
def test_what_is_no_statement_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(NotShown, match=f"^{reason}"):
        read_statement(content)


@pytest.mark.parametrize("wrong", [None, 1, "x", [], {}, [1], [{"digest": 5}], {"builder": 7}])
def test_wrong_types_are_left_out(wrong: Any) -> None:
    kind = "https://slsa.dev/provenance/v1"

    for predicate in (wrong, {"runDetails": wrong, "buildDefinition": wrong, "materials": wrong}):
        found = read_statement(
            statement(DIGEST, predicateType=kind, predicate=predicate, subject=wrong)
        )
        assert found.provenance is not None
        assert found.provenance.builder == ""


def test_statements_that_stand_line_by_line_in_one_file_are_all_read() -> None:
    kinds = [f"https://example.com/tested/v{n}" for n in range(3)]
    lines = b"\n".join(statement(DIGEST, predicateType=kind) for kind in kinds)

    document = read_document(lines)

    assert [one.predicate_type for one in document.statements] == kinds


def test_an_sbom_in_a_statement_is_found_beside_it() -> None:
    sbom = {"spdxVersion": "SPDX-2.3", "packages": [{"name": "musl"}]}

    text = json.dumps(sbom)
    for predicate in (sbom, {"Data": sbom, "Timestamp": "2026-01-02"}, text, {"Data": text}):
        document = read_document(statement(DIGEST, predicate=predicate))
        assert len(document.statements) == 1
        assert document.sbom is not None
        assert [one.name for one in document.sbom.components] == ["musl"]


def test_an_sbom_in_a_statement_that_is_only_known_by_name_leaves_the_statement() -> None:
    text = "SPDXVersion: SPDX-2.3\n"
    for predicate in (text, {"Data": text}):
        document = read_document(statement(DIGEST, predicate=predicate))

        assert len(document.statements) == 1
        assert document.remark == (
            "in one part is a statement about SPDX as tags and values, which is kept and not shown"
        )


def test_the_payload_of_an_envelope_may_be_broken_into_lines() -> None:
    payload = base64.encodebytes(statement(DIGEST)).decode()
    assert payload.count("\n") > 1

    document = read_document(json.dumps({"payload": payload}).encode())

    assert len(document.statements) == 1


@pytest.mark.parametrize("name", ["dsseEnvelope", "dsse_envelope"])
def test_a_bundle_may_be_spelled_in_every_way_of_protojson(name: str) -> None:
    payload = base64.urlsafe_b64encode(statement(DIGEST, predicateType="a")).decode()
    assert payload.endswith("=")

    found = read_statement(json.dumps({name: {"payload": payload.rstrip("=")}}).encode())

    assert found.predicate_type == "a"


def test_what_is_left_out_of_long_lists_is_counted() -> None:
    many = [{"name": str(n), "uri": str(n), "digest": {"sha256": "0"}} for n in range(1200)]
    content = statement(
        DIGEST,
        subject=many,
        predicateType="https://slsa.dev/provenance/v0.2",
        predicate={"materials": many},
    )

    found = read_statement(content)

    assert len(found.subjects) + found.subjects_left_out == 1200
    assert found.provenance is not None
    assert len(found.provenance.materials) + found.provenance.materials_left_out == 1200
