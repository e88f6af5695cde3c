"""What a claim must be for the verdict "valid", in each form that cosign stores."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from artifacts.kinds.kinds import COSIGN_SIGN
from artifacts.oci.digest import Digest
from artifacts.signatures.claims import (
    MAX_CONTENT_BYTES,
    MAX_SIGNATURES,
    Malformed,
    Unknown,
    read_claim,
)
from artifacts.signatures.verdicts import MAX_CHECKS, UNCHECKED, Budget, Judgement, State, judge
from tests.artifacts.signatures.signing import (
    ANNOTATION,
    BUNDLE,
    Layer,
    Signer,
    b64,
    simple_payload,
)

ALICE, MALLORY = Signer(), Signer()
BODY = b'{"schemaVersion": 2}'
IMAGE, OTHER = str(Digest.of(BODY)), str(Digest.of(b"another"))

SIMPLE, ENVELOPE, OURS = ALICE.simple(IMAGE), ALICE.envelope(IMAGE), ALICE.bundle(IMAGE)

#: Each makes a signature by a signer of a manifest.
FORMS: dict[str, Callable[[Signer, str], Layer]] = {
    "tag": lambda signer, digest: signer.simple(digest),
    "bundle": lambda signer, digest: signer.bundle(digest),
    "attestation under a tag": lambda signer, digest: signer.envelope(digest),
}


def verdict(layer: Layer, *signers: Signer, body: bytes | None = None) -> Judgement:
    claim = read_claim(*layer.arguments)
    return judge(
        claim, subject=IMAGE, keys=[one.key for one in signers], subject_body=body, budget=Budget()
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_signature_by_a_registered_key_is_valid(form: str) -> None:
    found = verdict(FORMS[form](ALICE, IMAGE), MALLORY, ALICE)

    assert found == Judgement(State.VALID, fingerprint=ALICE.key.fingerprint)


@pytest.mark.parametrize("form", FORMS)
def test_a_signature_of_another_image_is_invalid(form: str) -> None:
    found = verdict(FORMS[form](ALICE, OTHER), ALICE)

    assert found.state == State.INVALID
    assert found.reason == f"it was made for another manifest: {OTHER}"


@pytest.mark.parametrize(
    ("form", "state"),
    [
        ("tag", State.INVALID),
        ("attestation under a tag", State.INVALID),
        ("bundle", State.UNVERIFIABLE),  # it names its key, which nobody registered
    ],
)
def test_a_signature_by_a_key_that_nobody_registered_is_not_valid(form: str, state: State) -> None:
    assert verdict(FORMS[form](MALLORY, IMAGE), ALICE).state == state


@pytest.mark.parametrize("form", FORMS)
def test_without_registered_keys_a_signature_is_present_but_not_verifiable(form: str) -> None:
    found = verdict(FORMS[form](ALICE, IMAGE))

    assert found == Judgement(State.UNVERIFIABLE, "no key is registered to check it with")


def test_a_bundle_that_names_a_registered_key_but_is_not_by_it_is_invalid() -> None:
    bundle = json.loads(MALLORY.bundle(IMAGE).content)
    bundle["verificationMaterial"]["publicKey"]["hint"] = ALICE.key.hint

    found = verdict(Layer(BUNDLE, json.dumps(bundle).encode()), ALICE)

    assert found.state == State.INVALID
    assert ALICE.key.fingerprint[:12] in found.reason


def test_a_payload_that_was_changed_after_signing_is_invalid() -> None:
    signed = ALICE.simple(OTHER)
    forged = Layer(signed.media_type, simple_payload(IMAGE), signed.annotations)

    assert verdict(forged, ALICE).state == State.INVALID


def test_a_keyless_signature_is_present_but_not_verifiable() -> None:
    signed = MALLORY.simple(IMAGE)
    keyless = Layer(
        signed.media_type,
        signed.content,
        {**signed.annotations, "dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----"},
    )
    bundle = json.loads(MALLORY.bundle(IMAGE).content)
    bundle["verificationMaterial"] = {"certificate": {"rawBytes": ""}}

    for layer in (keyless, Layer(BUNDLE, json.dumps(bundle).encode())):
        found = verdict(layer, ALICE)
        assert found.state == State.UNVERIFIABLE
        assert "certificate" in found.reason


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
def test_older_bundles_are_read_as_well(version: str) -> None:
    bundle_type = f"application/vnd.dev.sigstore.bundle+json;version={version}"

    assert verdict(ALICE.bundle(IMAGE, bundle_type=bundle_type), ALICE).state == State.VALID


def test_a_bundle_may_sign_the_bytes_of_the_manifest() -> None:
    layer = ALICE.message_bundle(BODY)

    assert verdict(layer, ALICE, body=BODY).state == State.VALID
    assert verdict(layer, ALICE, body=b"another").state == State.INVALID
    assert verdict(layer, ALICE, body=None).state == State.UNVERIFIABLE


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "atomic container signature"},
        {"identity": None},
        {"identity": {"docker-reference": "\ud83d"}},
        {"more": {"things": [1e308, -0.0]}},
    ],
    ids=str,
)
def test_what_cosign_does_not_look_at_may_be_anything(changed: dict[str, Any]) -> None:
    assert verdict(ALICE.simple(IMAGE, **changed), ALICE).state == State.VALID


def test_names_in_another_case_are_read_as_go_does() -> None:
    payload = simple_payload(IMAGE).replace(b"critical", b"CritiCal").replace(b"optional", b"o\xff")
    layer = Layer(SIMPLE.media_type, payload, {ANNOTATION: b64(ALICE.sign(payload))})

    assert verdict(layer, ALICE).state == State.VALID


def test_names_may_differ_in_case_alone_where_anybody_chooses_them() -> None:
    payload = simple_payload(IMAGE).replace(b'"optional": null', b'"optional": {"a": 1, "A": 2}')
    assert b'"A"' in payload
    simple = Layer(SIMPLE.media_type, payload, {ANNOTATION: b64(ALICE.sign(payload))})
    attestation = ALICE.envelope(IMAGE, predicate={"Path": "x", "PATH": "y", "path": "z"})

    assert [verdict(one, ALICE).state for one in (simple, attestation)] == [State.VALID] * 2


def test_nothing_in_a_list_is_read_as_an_empty_object() -> None:
    envelope = json.loads(ENVELOPE.content)
    envelope["signatures"] = [None, *envelope["signatures"]]
    subject = [None, {"digest": {"sha256": IMAGE.partition(":")[2]}}]

    for layer in (
        Layer(ENVELOPE.media_type, json.dumps(envelope).encode()),
        ALICE.envelope(IMAGE, subject=subject),
    ):
        assert verdict(layer, ALICE).state == State.VALID


def test_base64_is_taken_as_the_tool_takes_it() -> None:
    signer = Signer()
    signature = next(made for _ in range(200) if "/" in (made := signature_of(signer)))
    lines = "\r\n".join([signature[:40], signature[40:], ""])
    for_addresses = signature.replace("/", "_").replace("+", "-")
    states = {
        spelling: verdict(Layer(SIMPLE.media_type, PAYLOAD, {ANNOTATION: spelling}), signer).state
        for spelling in (signature, lines)
    }

    assert set(states.values()) == {State.VALID}
    for spelling in (for_addresses, f" {signature}"):
        with pytest.raises(Malformed):
            read_claim(SIMPLE.media_type, {ANNOTATION: spelling}, PAYLOAD)


def test_base64_of_an_envelope_and_of_a_bundle_may_be_that_of_addresses() -> None:
    envelope, bundle = json.loads(ENVELOPE.content), json.loads(OURS.content)
    for one in (envelope, bundle["dsseEnvelope"]):
        for holder, name in ((one, "payload"), (one["signatures"][0], "sig")):
            holder[name] = holder[name].replace("/", "_").replace("+", "-")
    bundle["dsseEnvelope"]["payload"] = bundle["dsseEnvelope"]["payload"].rstrip("=")

    for layer, document in ((ENVELOPE, envelope), (OURS, bundle)):
        spelled = Layer(layer.media_type, json.dumps(document).encode())
        assert verdict(spelled, ALICE).state == State.VALID


def test_a_bundle_may_be_spelled_as_its_schema_is() -> None:
    text = OURS.content.decode()
    for camel, snake in (("dsseEnvelope", "dsse_envelope"), ("publicKey", "public_key")):
        text = text.replace(camel, snake)

    assert verdict(Layer(BUNDLE, text.encode()), ALICE).state == State.VALID


def signature_of(signer: Signer) -> str:
    return b64(signer.sign(PAYLOAD))


PAYLOAD = simple_payload(IMAGE)


def test_an_envelope_is_valid_when_one_of_its_signatures_is() -> None:
    ours, theirs = (json.loads(who.envelope(IMAGE).content) for who in (ALICE, MALLORY))
    ours["signatures"] = theirs["signatures"] + ours["signatures"]
    layer = Layer(ALICE.envelope(IMAGE).media_type, json.dumps(ours).encode())

    assert verdict(layer, ALICE).state == State.VALID


def test_only_the_signed_text_says_whether_it_is_a_signature() -> None:
    signature = read_claim(*ALICE.bundle(IMAGE).arguments)
    attestation = read_claim(*ALICE.attestation(IMAGE, "https://example.com/broken").arguments)
    under_a_tag = read_claim(*ALICE.envelope(IMAGE).arguments)

    assert signature.predicate_type == COSIGN_SIGN
    assert signature.is_signature
    assert not attestation.is_signature
    assert not under_a_tag.is_signature


def _changed(layer: Layer, **changed: Any) -> Layer:
    document = json.loads(layer.content)
    return Layer(layer.media_type, json.dumps({**document, **changed}).encode(), layer.annotations)


MALFORMED: dict[str, Layer] = {
    "not JSON": Layer(SIMPLE.media_type, b"\x00\x01", SIMPLE.annotations),
    "empty": Layer(SIMPLE.media_type, b"", SIMPLE.annotations),
    "a list": Layer(SIMPLE.media_type, b"[]", SIMPLE.annotations),
    "no critical": Layer(SIMPLE.media_type, b"{}", SIMPLE.annotations),
    "critical is text": _changed(SIMPLE, critical="x"),
    "no image": ALICE.simple(IMAGE, image=None),
    "no digest": ALICE.simple(IMAGE, image={}),
    "digest is a number": ALICE.simple(IMAGE, image={"docker-manifest-digest": 1}),
    "digest is none": ALICE.simple(IMAGE, image={"docker-manifest-digest": "sha256:x"}),
    "type is a number": ALICE.simple(IMAGE, type=1),
    "identity is text": ALICE.simple(IMAGE, identity="web"),
    "optional is text": _changed(SIMPLE, optional="x"),
    "no signature": Layer(SIMPLE.media_type, SIMPLE.content),
    "signature is not base64": Layer(
        SIMPLE.media_type, SIMPLE.content, {"dev.cosignproject.cosign/signature": "é"}
    ),
    "no payload": _changed(ENVELOPE, payload=None),
    "payload is not JSON": _changed(ENVELOPE, payload=b64(b"no")),
    "no signatures": _changed(ENVELOPE, signatures=[]),
    "signature is text": _changed(ENVELOPE, signatures=["AA=="]),
    "no predicate type": ALICE.envelope(IMAGE, predicateType=None),
    "a statement without subjects": ALICE.envelope(IMAGE, subject=None),
    "an empty predicate type": ALICE.envelope(IMAGE, predicateType=""),
    "no subject": ALICE.envelope(IMAGE, subject=[]),
    "not a bundle": _changed(OURS, mediaType="application/json"),
    "bundle without material": _changed(OURS, verificationMaterial=None),
    "bundle with two contents": _changed(OURS, messageSignature={"signature": "AA=="}),
    "bundle without content": _changed(ALICE.message_bundle(BODY), messageSignature=None),
    "hint is a number": _changed(OURS, verificationMaterial={"publicKey": {"hint": 1}}),
}


UNKNOWN: dict[str, Layer] = {
    "the same key twice": Layer(SIMPLE.media_type, b'{"critical":{},"critical":{}}'),
    "the same key in two cases": Layer(SIMPLE.media_type, b'{"critical":{},"CRITICAL":{}}'),
    "nested without end": Layer(SIMPLE.media_type, b"[" * 100_000),
    "too large": Layer(SIMPLE.media_type, b" " * (MAX_CONTENT_BYTES + 1)),
    "another payload type": _changed(ENVELOPE, payloadType="text/plain"),
    "no statement": _changed(ENVELOPE, payload=b64(b"{}")),
    "a link of in-toto": _changed(ENVELOPE, payload=b64(b'{"_type": "link", "name": "build"}')),
    "many signatures": _changed(ENVELOPE, signatures=[{"sig": "AA=="}] * (MAX_SIGNATURES + 1)),
    "many subjects": ALICE.envelope(IMAGE, subject=[{"digest": {}}] * 1025),
    "a bundle of the future": _changed(
        OURS, mediaType="application/vnd.dev.sigstore.bundle.v0.4+json"
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_not_read_here_is_not_called_broken(what: str) -> None:
    with pytest.raises(Unknown) as caught:
        read_claim(*UNKNOWN[what].arguments)

    assert str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_content_is_refused_with_a_reason(what: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_claim(*MALFORMED[what].arguments)

    assert str(caught.value)
    assert len(str(caught.value)) < 400


def test_digests_that_are_none_are_no_subjects() -> None:
    subject = [{"digest": {"sha256": "x", "md5": "0" * 64, "sha512": 7}}]

    claim = read_claim(*ALICE.envelope(IMAGE, subject=subject).arguments)

    assert claim.subjects == frozenset()
    found = judge(claim, subject=IMAGE, keys=[ALICE.key], subject_body=None, budget=Budget())
    assert found == Judgement(State.INVALID, "it was made for another manifest: no manifest")


def test_a_key_is_tried_on_a_signature_a_hundred_times_and_no_more() -> None:
    envelope = json.loads(ENVELOPE.content)
    envelope["signatures"] = MALLORY_SIGNATURES * 4 + envelope["signatures"]
    layer = Layer(ENVELOPE.media_type, json.dumps(envelope).encode())
    budget = Budget()

    claim = read_claim(*layer.arguments)
    found = judge(
        claim,
        subject=IMAGE,
        keys=[*(Signer().key for _ in range(24)), ALICE.key],
        subject_body=None,
        budget=budget,
    )

    assert (found, budget.checks) == (Judgement(State.UNVERIFIABLE, UNCHECKED), 0)
    assert MAX_CHECKS == 100


MALLORY_SIGNATURES = json.loads(MALLORY.envelope(IMAGE).content)["signatures"]


def test_the_key_that_a_bundle_names_is_tried_first() -> None:
    budget = Budget()
    claim = read_claim(*ALICE.bundle(IMAGE).arguments)

    found = judge(
        claim,
        subject=IMAGE,
        keys=[*(Signer().key for _ in range(5)), ALICE.key],
        subject_body=None,
        budget=budget,
    )

    assert (found.state, budget.checks) == (State.VALID, MAX_CHECKS - 1)


def test_a_bundle_that_names_another_key_than_its_own_is_valid_by_its_own() -> None:
    bundle = json.loads(ALICE.bundle(IMAGE).content)
    bundle["verificationMaterial"]["publicKey"]["hint"] = MALLORY.key.hint
    layer = Layer(BUNDLE, json.dumps(bundle).encode())

    assert verdict(layer, MALLORY, ALICE).fingerprint == ALICE.key.fingerprint
