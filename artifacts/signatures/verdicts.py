"""Whether a claim about a manifest is true: signed by a known key, and about this manifest."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from artifacts.signatures.claims import Claim
from artifacts.signatures.keys import VerifyingKey

SUBJECT_MISSING = "the manifest it signs is not here"
CONTENT_MISSING = "its content is not here"


class State(StrEnum):
    VALID = "valid"
    UNVERIFIABLE = "unverifiable"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Judgement:
    """``fingerprint`` names the key when the claim is valid; else ``reason`` says why not."""

    state: State
    reason: str = ""
    fingerprint: str = ""


def judge(
    claim: Claim, *, subject: str, keys: Iterable[VerifyingKey], subject_body: bytes | None
) -> Judgement:
    """Judge what was attached to the manifest with the digest ``subject``.

    ``subject_body`` is ``None`` while that manifest is not here.
    """
    known = list(keys)
    if claim.message is not None and subject not in claim.subjects:
        named = ", ".join(sorted(claim.subjects)[:3]) or "no manifest"
        return Judgement(State.INVALID, f"it was made for another manifest: {named}")
    message = subject_body if claim.message is None else claim.message
    if message is None:
        return Judgement(State.UNVERIFIABLE, SUBJECT_MISSING)
    for key in known:
        if any(key.verifies(signature, message) for signature in claim.signatures):
            return Judgement(State.VALID, fingerprint=key.fingerprint)
    return _why_no_key_fits(claim, known)


def _why_no_key_fits(claim: Claim, known: list[VerifyingKey]) -> Judgement:
    if claim.has_certificate:
        return Judgement(
            State.UNVERIFIABLE, "it was made with a certificate; only registered keys are checked"
        )
    if not known:
        return Judgement(State.UNVERIFIABLE, "no key is registered to check it with")
    hinted = [key for key in known if claim.hint and claim.hint == key.hint]
    if hinted:
        return Judgement(
            State.INVALID,
            f"it names the key {hinted[0].fingerprint[:12]}, whose signature it is not",
        )
    if claim.hint:
        return Judgement(
            State.UNVERIFIABLE, f"it names a key that is not registered: {claim.hint[:80]!r}"
        )
    return Judgement(
        State.INVALID, "it is not by a registered key, or was changed after it was made"
    )
