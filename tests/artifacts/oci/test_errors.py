"""The error vocabulary against the spec's table."""

import pytest

from artifacts.oci import errors
from artifacts.refusals import Refusal

# Distribution-spec v1.1, "Error Codes", copied by hand.
SPEC_TABLE = {
    "BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UPLOAD_INVALID": "blob upload invalid",
    "BLOB_UPLOAD_UNKNOWN": "blob upload unknown to registry",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "MANIFEST_BLOB_UNKNOWN": "manifest references a manifest or blob unknown to registry",
    "MANIFEST_INVALID": "manifest invalid",
    "MANIFEST_UNKNOWN": "manifest unknown to registry",
    "NAME_INVALID": "invalid repository name",
    "NAME_UNKNOWN": "repository name not known to registry",
    "SIZE_INVALID": "provided length did not match content length",
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "UNSUPPORTED": "the operation is unsupported",
    "TOOMANYREQUESTS": "too many requests",
}
# The spec has no code for a registry that cannot answer now; clients know this one.
BESIDE_THE_SPEC = {"UNAVAILABLE": "the registry cannot do this now; try again shortly"}


def test_every_code_of_the_spec_has_its_class_and_its_words() -> None:
    ours = {
        error.code: error.message
        for error in errors.OCIError.__subclasses__()
        if error.__module__ == errors.__name__
    }

    assert ours == SPEC_TABLE | BESIDE_THE_SPEC


def test_an_error_without_a_reason_says_the_specs_words() -> None:
    assert errors.BlobUnknown().reason == "blob unknown to registry"
    assert str(errors.BlobUnknown("it is not here")) == "it is not here"


@pytest.mark.parametrize(("offset", "range_"), [(0, "0-0"), (1, "0-0"), (1024, "0-1023")])
def test_a_chunk_out_of_order_is_told_the_last_byte_that_counts(offset: int, range_: str) -> None:
    assert errors.ChunkOutOfOrder(offset=offset).headers() == {"Range": range_}


def test_a_chunk_out_of_order_is_told_where_to_go_on() -> None:
    error = errors.ChunkOutOfOrder(offset=5, location="/v2/a/blobs/uploads/1")

    assert error.headers() == {"Range": "0-4", "Location": "/v2/a/blobs/uploads/1"}
    assert error.status == 416


def test_who_sends_too_much_is_told_when_to_come_back() -> None:
    assert errors.TooManyRequests(retry_after_seconds=7).headers() == {"Retry-After": "7"}


def test_a_refusal_is_one_sentence_whatever_it_carries_beside() -> None:
    error: Refusal = errors.TooManyRequests("try again in 3 s", retry_after_seconds=3)

    assert str(error) == "try again in 3 s"
