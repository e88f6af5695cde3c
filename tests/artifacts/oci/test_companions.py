"""Tags that speak about a manifest."""

import pytest

from artifacts.oci.companions import companion_tags, cosign_subject
from artifacts.oci.digest import Digest

IMAGE = Digest.of(b"image")


def test_a_companion_tag_names_its_subject() -> None:
    tags = companion_tags(IMAGE)

    assert set(tags) == {f"sha256-{IMAGE.hex}.{end}" for end in ("sig", "att", "sbom")}
    assert {cosign_subject(tag) for tag in tags} == {IMAGE}
    assert companion_tags(Digest.of(b"image", "sha512")) == {}


@pytest.mark.parametrize(
    "tag",
    [
        "v1",
        "sha256-abc.sig",
        f"sha256-{IMAGE.hex}",
        f"sha256-{IMAGE.hex}.sig2",
        f"sha256-{IMAGE.hex}.sig\n",
        f"sha256-{IMAGE.hex.upper()}.sig",
        f"sha512-{IMAGE.hex}.sig",
        "sha256-.sig",
        "",
    ],
)
def test_another_tag_names_none(tag: str) -> None:
    assert cosign_subject(tag) is None
