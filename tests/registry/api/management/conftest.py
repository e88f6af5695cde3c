"""Whatever a test of this room is answered is what the document says of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from registry.api.management.base import ManagementView
from registry.api.management.description.answers import ANSWERS
from registry.api.management.description.openapi import openapi
from registry.api.management.description.views import DESCRIBED


@pytest.fixture(scope="session")
def described_answers() -> dict[str, tuple[int, Draft202012Validator | None]]:
    """Status of each operation, and what checks its document."""
    document = openapi(DESCRIBED, origin="https://registry.example", version="1")
    schemas = {name: closed(one) for name, one in document["components"]["schemas"].items()}
    found = {}
    for path in document["paths"].values():
        for operation in path.values():
            status = next(iter(operation["responses"]))
            content = operation["responses"][status].get("content", {}).get("application/json")
            schema = (
                {**closed(content["schema"]), "components": {"schemas": schemas}}
                if content
                else None
            )
            validator = Draft202012Validator(schema) if schema else None
            found[operation["operationId"]] = (int(status), validator)
    return found


@pytest.fixture(autouse=True)
def _answers_are_as_described(
    described_answers: dict[str, tuple[int, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    finalize, wrong = ManagementView.finalize_response, []

    def checked(view: Any, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = finalize(view, request, response, *args, **kwargs)
        name = view.operation.name if hasattr(view, "operation") else ""
        if answer.status_code < 400 and name in ANSWERS and not hasattr(answer, "was_checked"):
            answer.was_checked = True
            status, validator = described_answers[name]
            if answer.status_code != status:
                wrong.append(f"{name}: {answer.status_code}")
            if validator is not None:
                document = json.loads(json.dumps(answer.data))
                wrong.extend(
                    f"{name}: {error.json_path}: {error.message}"
                    for error in validator.iter_errors(document)
                )
        return answer

    monkeypatch.setattr(ManagementView, "finalize_response", checked)
    yield
    assert wrong == []


def closed(schema: Any) -> Any:
    """The same, where nothing else may stand beside what is named."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(one) for name, one in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in inner else inner
