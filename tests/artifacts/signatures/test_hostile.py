"""Whatever is pushed, reading a claim ends in a claim or in one sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.signatures.claims import (
    DSSE,
    SIMPLE_SIGNING,
    Claim,
    Malformed,
    Unknown,
    read_claim,
)
from artifacts.signatures.verdicts import Budget, State, judge
from tests.artifacts.signatures.signing import ANNOTATION, BUNDLE, Signer, b64, statement

ALICE = Signer()
IMAGE = "sha256:" + "0" * 64

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
_NAMES = (
    "critical image docker-manifest-digest type payload payloadType signatures sig mediaType digest"
    " verificationMaterial publicKey hint dsseEnvelope messageSignature signature subject _type"
)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    _JSON,
    st.sampled_from(
        [
            IMAGE,
            BUNDLE,
            "application/vnd.in-toto+json",
            "cosign container image signature",
            b64(b"\x00" * 64),
            b64(statement(IMAGE)),
            {"docker-manifest-digest": IMAGE},
            {"hint": ALICE.key.hint},
            [{"sig": b64(b"\x30\x00")}],
        ]
    ),
)
_DOCUMENTS = st.recursive(
    _VALUES,
    lambda inner: st.dictionaries(st.sampled_from(_NAMES.split()), inner, max_size=5),
    max_leaves=12,
)


def _read(media_type: str, signature: str, content: bytes) -> Claim | str:
    """The claim, or what is wrong with it."""
    try:
        return read_claim(media_type, {ANNOTATION: signature}, content)
    except (Malformed, Unknown) as error:
        return str(error)


@pytest.mark.parametrize("media_type", [SIMPLE_SIGNING, DSSE, BUNDLE])
@given(document=_DOCUMENTS, signature=st.text(max_size=30))
def test_documents_of_the_right_words_are_claims_or_malformed(
    media_type: str, document: Any, signature: str
) -> None:
    claim = _read(media_type, signature, json.dumps(document).encode())

    if isinstance(claim, str):
        assert 0 < len(claim) < 600
    else:
        found = judge(claim, subject=IMAGE, keys=[ALICE.key], subject_body=b"{}", budget=Budget())
        assert found.state != State.VALID


@pytest.mark.parametrize("media_type", [SIMPLE_SIGNING, DSSE, BUNDLE])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_malformed(media_type: str, content: bytes) -> None:
    assert isinstance(_read(media_type, "AA==", content), str)
