"""What every answer under ``/v2/`` obeys, whatever was asked."""

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.client import Answer

MAXIMUM_WARNING_BYTES = 4096

# Copied by hand from the table in section "Error Codes".
CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}

FULL = ("UNAVAILABLE", HTTPStatus.INSUFFICIENT_STORAGE)

_WARNING = re.compile(r'299 - "[^"]*"(, 299 - "[^"]*")*')


def check(method: str, path: str, answer: "Answer") -> None:
    """Raise AssertionError where an answer breaks a rule that all of them share."""
    if not path.startswith("/v2/"):
        return
    is_defect = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    assert not is_defect or answer.status == HTTPStatus.INSUFFICIENT_STORAGE, (method, path, answer)
    assert not answer.header("Content-Encoding"), (method, path, answer.headers.items())
    if not path.startswith("/v2/auth"):
        version = answer.header("Docker-Distribution-API-Version")
        assert version == "registry/2.0", (method, path, answer)
    _check_warnings(answer)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        _check_challenge(path, answer)
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        assert answer.header("Allow"), (method, path, answer.headers.items())
    if method == "HEAD":
        assert answer.body == b""
    elif answer.status >= HTTPStatus.BAD_REQUEST:
        _check_errors(method, path, answer)


def _check_warnings(answer: "Answer") -> None:
    warnings = answer.headers.get_all("Warning") or []
    assert all(_WARNING.fullmatch(warning) for warning in warnings), warnings
    assert sum(len(warning) for warning in warnings) <= MAXIMUM_WARNING_BYTES


def _check_challenge(path: str, answer: "Answer") -> None:
    assert len(answer.headers.get_all("WWW-Authenticate") or []) == 1, (path, answer)
    if not path.startswith("/v2/auth"):
        assert answer.header("WWW-Authenticate").startswith("Bearer "), answer
        assert answer.challenge["realm"].startswith("http"), answer
        assert answer.challenge["service"], answer


def _check_errors(method: str, path: str, answer: "Answer") -> None:
    """Section "Error Codes": the form of a JSON body, and the codes there are."""
    where = (method, path, answer.status, answer.body[:300])
    assert answer.header("Content-Type").split(";")[0] == "application/json", where
    document = json.loads(answer.body)
    assert set(document) == {"errors"}, where
    assert document["errors"], where
    for error in document["errors"]:
        assert set(error) <= {"code", "message", "detail"}, where
        # The spec has no code for a full store.
        assert error["code"] in CODES or (error["code"], answer.status) == FULL, where
        assert isinstance(error.get("message", ""), str), where
        assert error["message"].strip(), where
