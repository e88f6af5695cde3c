"""Media types: what is left of a Content-Type, and which types there are."""

import pytest

from artifacts.oci import media_types
from artifacts.oci.media_types import essence


@pytest.mark.parametrize(
    ("header", "type_"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        (" Application/JSON ;a=b;c=d", "application/json"),
        ("", ""),
        (";", ""),
    ],
)
def test_parameters_case_and_blanks_of_a_content_type_do_not_count(header: str, type_: str) -> None:
    assert essence(header) == type_


def test_the_four_manifest_types_are_what_clients_send() -> None:
    assert {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    } == media_types.MANIFESTS


def test_every_layer_that_may_live_elsewhere_says_so_in_its_name() -> None:
    for name in media_types.NONDISTRIBUTABLE_LAYERS:
        assert "nondistributable" in name or "foreign" in name
