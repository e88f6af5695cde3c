"""Documents that are no manifests, each refused with MANIFEST_INVALID and a reason.

One for each kind: tests/artifacts/oci has the others.
"""

import copy
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.conftest import Stocked
from tests.conformance.content import OCI_INDEX, OCI_MANIFEST, Document, encode, index


def assert_refused(
    stocked: Stocked, body: bytes | Document, media_type: str = OCI_MANIFEST
) -> None:
    tag = f"illegal-{uuid4().hex}"

    answer = stocked.repository.put_manifest(body, tag, media_type)

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID"), answer
    [error] = answer.json()["errors"]
    assert len(error["message"] + json.dumps(error.get("detail", ""))) > len("manifest invalid")
    assert stocked.repository.client.get(stocked.repository.manifest(tag)).status == 404


def changed(document: Document, path: tuple[str | int, ...], value: object) -> Document:
    """A copy in which the value at ``path`` is another."""
    result = copy.deepcopy(document)
    place: Any = result
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return result


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schemaVersion",), 1),
        (("mediaType",), OCI_INDEX),
        (("config",), None),
        (("config", "digest"), "sha256:abc"),
        # Sizes that the stored blobs do not have.
        (("config", "size"), 1),
        (("config", "size"), 0),
        (("layers", 0, "size"), 63),
        (("layers", 0, "size"), 65),
        (("layers", 0, "size"), 2**64),
        (("subject",), {}),
        (("annotations",), {"a": 1}),
        (("manifests",), [{}]),
    ],
)
def test_an_image_manifest_with_a_wrong_value(
    path: tuple[str | int, ...], value: object, stocked: Stocked
) -> None:
    assert_refused(stocked, changed(json.loads(stocked.image.body), path, value))


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX])
def test_a_document_that_could_be_read_as_two_things(media_type: str, stocked: Stocked) -> None:
    """GHSA-mc8v-mgrf-8f4m."""
    both = {**json.loads(stocked.image.body), **index([stocked.image.descriptor()])}

    assert_refused(stocked, {**both, "mediaType": media_type}, media_type)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"{}", b"{", b"\xff\xfe{\x00}\x00", b'{"a":1,"a":1}', b"[" * 100_000],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_document(body: bytes, stocked: Stocked) -> None:
    assert_refused(stocked, body)


@pytest.mark.parametrize(
    "case", ["\\ud800", "\\udc00\\ud800", "\\u0000", "\\ufffe", "\\ud83d\\ude00", "\\u202e"]
)
@pytest.mark.parametrize("where", ["annotations", "artifactType", "x"])
def test_an_escape_that_storages_choke_on_is_kept_or_in_a_type_refused(
    where: str, case: str, stocked: Stocked
) -> None:
    value: object = {"a": "@", "@": "b"} if where == "annotations" else "a/@"
    subject = stocked.image.descriptor()
    document = {**json.loads(stocked.image.body), "subject": subject, where: value}
    body = encode(document).replace(b"@", case.encode())

    answer = stocked.repository.put_manifest(body)

    assert answer.status == (400 if where == "artifactType" else 201)
    assert stocked.repository.referrers(stocked.image.digest) is not None
