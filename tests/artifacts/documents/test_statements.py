"""What attestations state, honest and otherwise."""

import base64
import json
from typing import Any

import pytest

from artifacts.documents.statements import Named, StatementUnreadable, read_statement
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
        (b"{}", "holds no in-toto statement"),
        (b"not json", "not JSON"),
        (b'{"payload": "%%%"}', "payload is not base64"),
        (json.dumps({"payload": base64.b64encode(b"x").decode()}).encode(), "not JSON"),
        (b'{"predicateType": 5}', "holds no in-toto statement"),
    ],
)
def test_what_is_no_statement_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(StatementUnreadable, match=reason):
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
