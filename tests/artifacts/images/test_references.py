"""What an index lists beside its images to speak of them."""

import pytest

from artifacts.images.references import about, is_about, is_attestation
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST

IMAGE = Digest.of(b"image")
TYPE, DIGEST = "vnd.docker.reference.type", "vnd.docker.reference.digest"


def entry(**annotations: str) -> Descriptor:
    return Descriptor(OCI_MANIFEST, Digest.of(b"entry"), 5, "manifests[0]", annotations=annotations)


def test_an_image_speaks_of_nothing() -> None:
    image = entry()

    assert (is_about(image), is_attestation(image), about(image)) == (False, False, "")


def test_an_attestation_says_what_it_is_about() -> None:
    one = entry(**{TYPE: "attestation-manifest", DIGEST: str(IMAGE)})

    assert (is_about(one), is_attestation(one), about(one)) == (True, True, str(IMAGE))


def test_what_speaks_of_something_need_not_be_an_attestation() -> None:
    assert not is_attestation(entry(**{TYPE: "something-else", DIGEST: str(IMAGE)}))


@pytest.mark.parametrize("text", ["", "latest", "sha256:abc", "sha256:" + "A" * 64, "\ud800"])
def test_text_that_is_no_digest_names_nothing(text: str) -> None:
    assert about(entry(**{TYPE: "attestation-manifest", DIGEST: text})) == ""


def test_a_digest_alone_says_nothing() -> None:
    assert about(entry(**{DIGEST: str(IMAGE)})) == ""
