"""Read a document that says something about other content: its statements and its components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from artifacts.documents.opening import (
    MAX_DOCUMENT_BYTES,
    MAX_IN_ONE_FILE,
    NotShown,
    form_not_shown,
    form_of,
    json_objects,
    too_large,
)
from artifacts.documents.sboms import Sbom, merged, sbom_of
from artifacts.documents.statements import Statement, statement_of


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says. ``remark`` tells what of it is not shown, and goes on after its name."""

    statements: Sequence[Statement]
    sbom: Sbom | None
    remark: str = ""


def read_document(content: bytes) -> Document:
    """Raises ``NotShown``, which tells why nothing of it is shown."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise too_large()
    objects = json_objects(content)
    statements: list[Statement] = []
    sboms: list[Sbom] = []
    refusal: NotShown | None = None
    for one in objects[:MAX_IN_ONE_FILE]:
        try:
            if (statement := statement_of(one)) is not None:
                statements.append(statement)
            if (sbom := _sbom(one, statement)) is not None:
                sboms.append(sbom)
        except NotShown as error:
            refusal = refusal or error
    if not statements and not sboms:
        raise refusal or form_not_shown("JSON of a form that is not known here")
    remark = f"in one part {refusal}" if refusal else ""
    if len(objects) > MAX_IN_ONE_FILE:
        remark = f"holds more than {MAX_IN_ONE_FILE} documents, of which the first are shown"
    return Document(statements, merged(sboms) if sboms else None, remark)


def _sbom(document: Mapping[str, Any], statement: Statement | None) -> Sbom | None:
    if statement is None:
        return sbom_of(document)
    match statement.predicate:
        case {"Data": str(text)} | str(text):  # cosign writes text like this
            return _sbom_in_text(text)
        case {"Data": dict(data)} | dict(data):
            return sbom_of(data)
    return None


def _sbom_in_text(text: str) -> Sbom | None:
    if form := form_of(text):
        raise form_not_shown(f"a statement about {form}")
    if not text.lstrip().startswith("{"):
        return None
    return sbom_of(json_objects(text.encode())[0])
