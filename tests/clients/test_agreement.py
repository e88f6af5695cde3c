"""Our verdict on signatures spelled in many ways, beside what cosign itself says of them."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from artifacts.signatures.claims import Malformed, Unknown, read_claim
from artifacts.signatures.verdicts import Budget, State, judge
from tests.artifacts.signatures.signing import ANNOTATION, Layer, Signer, b64, simple_payload
from tests.clients.content import OCI_MANIFEST, Image, descriptor
from tests.clients.registry import Registry
from tests.clients.run import Home, client
from tests.clients.test_cosign import WAYS, Cosign

pytestmark = pytest.mark.parametrize("registry", ["http"], indirect=True)

PREDICATE = "https://example.com/tested/v1"
Maker = Callable[[Signer, str], Layer]


@dataclass(frozen=True)
class Attached(Image):
    """What cosign keeps under a tag: a manifest of one layer."""

    content: Layer = field(default_factory=lambda: Layer("", b""))

    @property
    def layer(self) -> bytes:
        return self.content.content

    @property
    def manifest(self) -> bytes:
        layer = descriptor(self.content.media_type, self.layer)
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", self.config),
            "layers": [{**layer, "annotations": self.content.annotations}],
        }
        return json.dumps(document).encode()


def _payload(change: Callable[[bytes], bytes]) -> Maker:
    """Signed after the change."""

    def make(signer: Signer, digest: str) -> Layer:
        payload = change(simple_payload(digest))
        return replace(
            signer.simple(digest),
            content=payload,
            annotations={ANNOTATION: b64(signer.sign(payload))},
        )

    return make


def _critical(**changed: Any) -> Maker:
    return lambda signer, digest: signer.simple(digest, **changed)


def _spelled(change: Callable[[str], str]) -> Maker:
    def make(signer: Signer, digest: str) -> Layer:
        layer = signer.simple(digest)
        return replace(layer, annotations={ANNOTATION: change(layer.annotations[ANNOTATION])})

    return make


def _hashed(algorithm: hashes.HashAlgorithm) -> Maker:
    def make(signer: Signer, digest: str) -> Layer:
        assert isinstance(signer.private, ec.EllipticCurvePrivateKey)
        payload = simple_payload(digest)
        signature = signer.private.sign(payload, ec.ECDSA(algorithm))
        return replace(signer.simple(digest), annotations={ANNOTATION: b64(signature)})

    return make


SIGNATURES: dict[str, Maker] = {
    "plain": lambda signer, digest: signer.simple(digest),
    "a line break in base64": _spelled(lambda text: f"{text[:20]}\n{text[20:]}\r\n"),
    "a blank in base64": _spelled(lambda text: f"{text[:20]} {text[20:]}"),
    "base64 of addresses": _spelled(lambda text: f"-_{text[2:]}"),
    "base64 without padding": _spelled(lambda text: text.rstrip("=") + "A"),
    "base64 of nothing": _spelled(lambda _: ""),
    "another type": _critical(type="atomic container signature"),
    "no type": _critical(type=None),
    "a type that is a number": _critical(type=1),
    "no identity": _critical(identity=None),
    "an odd identity": _critical(identity={"docker-reference": "", "more": [1, None]}),
    "an identity that is text": _critical(identity="web"),
    "more fields": _critical(more={"n": 12345678901234567890}),
    "another image": _critical(image={"docker-manifest-digest": "sha256:" + "0" * 64}),
    "no image": _critical(image=None),
    "names in capitals": _payload(lambda text: text.replace(b"critical", b"CRITICAL")),
    "a digest in capitals": _payload(lambda text: text.replace(b"sha256:", b"SHA256:")),
    "escaped names": _payload(lambda text: text.replace(b'"image"', b'"im\\u0061ge"')),
    "half a character": _payload(lambda text: text.replace(b"acme", b"\\ud83d")),
    "bytes that are no text": _payload(lambda text: text.replace(b"acme", b"\xff\xfe")),
    "a byte order mark": _payload(lambda text: b"\xef\xbb\xbf" + text),
    "blanks around": _payload(lambda text: b"\n " + text + b"\r\n\t"),
    "more behind": _payload(lambda text: text + b"{}"),
    "a list": _payload(lambda text: b"[" + text + b"]"),
    "optional is text": _payload(lambda text: text.replace(b"null", b'"x"')),
    "optional has things": _payload(lambda text: text.replace(b"null", b'{"a": [1, {}]}')),
    "NaN": _payload(lambda text: text.replace(b"null", b'{"a": NaN}')),
    "a name twice": _payload(lambda text: text.replace(b"{", b'{"optional": null,', 1)),
    "another digest algorithm": _hashed(hashes.SHA384()),
}


def _envelope(change: Callable[[dict[str, Any]], object], **statement: Any) -> Maker:
    """Changed after it was signed."""

    def make(signer: Signer, digest: str) -> Layer:
        layer = signer.envelope(digest, **statement)
        document = json.loads(layer.content)
        change(document)
        return replace(layer, content=json.dumps(document).encode())

    return make


def _nothing(_: dict[str, Any]) -> None:
    """As it was."""


def _sig(change: Callable[[str], str]) -> Maker:
    def changed(document: dict[str, Any]) -> None:
        (signature,) = document["signatures"]
        signature["sig"] = change(signature["sig"])

    return _envelope(changed)


def _several_subjects(signer: Signer, digest: str) -> Layer:
    value = digest.partition(":")[2]
    subjects = [{"name": "other", "digest": {"sha1": "0" * 40}}, {"digest": {"sha256": value}}]
    return signer.envelope(digest, subject=subjects)


def _capitals(signer: Signer, digest: str) -> Layer:
    return signer.envelope(digest, subject=[{"digest": {"sha256": digest[7:].upper()}}])


STRANGE = {"keyid": "another", "sig": b64(b"0" * 70)}
ATTESTATIONS: dict[str, Maker] = {
    "plain": _envelope(_nothing),
    "in-toto 0.1": _envelope(_nothing, _type="https://in-toto.io/Statement/v0.1"),
    "another type of statement": _envelope(_nothing, _type="https://example.com/statement"),
    "several subjects": _several_subjects,
    "subjects in capitals": _capitals,
    "no subject": _envelope(_nothing, subject=[]),
    "a line break in base64": _sig(lambda text: f"{text[:20]}\n{text[20:]}"),
    "base64 of addresses": _sig(lambda text: text.replace("+", "-").replace("/", "_")),
    "base64 without padding": _sig(lambda text: text.rstrip("=") + "A"),
    "a key named": _envelope(lambda one: one["signatures"][0].update(keyid="release")),
    "a signature of somebody before": _envelope(lambda one: one["signatures"].insert(0, STRANGE)),
    "twelve signatures": _envelope(lambda one: one["signatures"].extend([STRANGE] * 11)),
    "no signatures": _envelope(lambda one: one["signatures"].clear()),
    "another payload type": _envelope(lambda one: one.update(payloadType="text/plain")),
    "more fields": _envelope(lambda one: one.update(more={"things": None})),
}


@pytest.fixture(params=["cosign2", "cosign3-tags"])
def cosign(
    request: pytest.FixtureRequest, trusting_home: Home, registry: Registry, repository: str
) -> Cosign:
    """cosign, logged in; bundles are made of the same parts, and not spelled by hand."""
    tool = Cosign(WAYS[request.param], trusting_home, registry, repository, Image())
    login = ["--username", registry.owner.name, "--password", registry.owner.password]
    tool("login", *login, registry.host)
    return tool


def ours(layer: Layer, signer: Signer, digest: str) -> State:
    try:
        claim = read_claim(*layer.arguments)
    except Malformed:
        return State.INVALID
    except Unknown:
        return State.UNVERIFIABLE
    found = judge(claim, subject=digest, keys=[signer.key], subject_body=None, budget=Budget())
    return found.state


def theirs(cosign: Cosign, layer: Layer, image: Image, *command: str, suffix: str) -> bool:
    """Whether cosign accepts the layer as what is attached to the image."""
    tag = f"{image.digest.replace(':', '-')}.{suffix}"
    cosign.registry.push(cosign.repository, tag, Attached(content=layer))
    reference = f"{cosign.registry}/{cosign.repository}@{image.digest}"
    options = [one for one in cosign.way.verify_offline if "--key" not in one]
    arguments = [*command, "--key=ours.pub", *options, reference]
    return cosign.home.succeeds(client(cosign.way.name), *arguments)


def _image(cosign: Cosign) -> Image:
    image = Image(files={"name": os.urandom(16)})
    return cosign.registry.push(cosign.repository, image.digest[7:20], image)


def agree(state: State, is_accepted: bool) -> bool:
    """What can be read in two ways, or is of a kind that is not read here, is left open."""
    return state == State.UNVERIFIABLE or (state == State.VALID) == is_accepted


def test_signatures_that_cosign_accepts_are_valid_and_no_others(cosign: Cosign) -> None:
    signer = Signer()
    (cosign.home.folder / "ours.pub").write_text(signer.pem)
    differ = {}
    for what, make in SIGNATURES.items():
        image = _image(cosign)
        layer = make(signer, image.digest)
        command = ["verify"]
        if what == "another digest algorithm":
            command.append("--signature-digest-algorithm=sha384")
        accepted = theirs(cosign, layer, image, *command, suffix="sig")
        state = ours(layer, signer, image.digest)
        if not agree(state, accepted):
            differ[what] = (state, accepted)

    assert differ == {}


def test_attestations_that_cosign_accepts_are_valid_and_no_others(cosign: Cosign) -> None:
    signer = Signer()
    (cosign.home.folder / "ours.pub").write_text(signer.pem)
    differ = {}
    for what, make in ATTESTATIONS.items():
        image = _image(cosign)
        layer = replace(make(signer, image.digest), annotations={ANNOTATION: ""})  # as cosign does
        command = ["verify-attestation", f"--type={PREDICATE}"]
        accepted = theirs(cosign, layer, image, *command, suffix="att")
        state = ours(layer, signer, image.digest)
        if not agree(state, accepted):
            differ[what] = (state, accepted)

    assert differ == {}
