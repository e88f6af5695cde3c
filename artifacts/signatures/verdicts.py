"""Whether a claim about a manifest is true: signed by a known key, and about this manifest."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from artifacts.signatures.claims import Claim
from artifacts.signatures.keys import VerifyingKey
from artifacts.signatures.notary import NotarySignature

MAX_CHECKS = 100
MAX_CONTENT_BYTES = 16 * 1024 * 1024
SUBJECT_MISSING = "the manifest it signs is not here"
CONTENT_MISSING = "its content is not here"
UNCHECKED = "it comes with more signatures and keys than are tried"


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


@dataclass(slots=True)
class Budget:
    """How many times a key may still be tried on a signature, and what may still be read."""

    checks: int = MAX_CHECKS
    content_bytes: int = MAX_CONTENT_BYTES

    @property
    def is_spent(self) -> bool:
        return self.checks <= 0 or self.content_bytes <= 0

    def take_what_was_spent_of(self, other: "Budget") -> None:
        self.checks -= MAX_CHECKS - other.checks
        self.content_bytes -= MAX_CONTENT_BYTES - other.content_bytes


def judge(
    claim: Claim,
    *,
    subject: str,
    keys: Iterable[VerifyingKey],
    subject_body: bytes | None,
    budget: Budget,
) -> Judgement:
    """Judge what was attached to the manifest with the digest ``subject``.

    ``subject_body`` is ``None`` while that manifest is not here. The key that the claim names is
    tried first; the others too, for the name is not what is signed.
    """
    if claim.message is not None and subject not in claim.subjects:
        digests = ", ".join(sorted(claim.subjects)[:3]) or "no manifest"
        return Judgement(State.INVALID, f"it was made for another manifest: {digests}")
    message = subject_body if claim.message is None else claim.message
    if message is None:
        return Judgement(State.UNVERIFIABLE, SUBJECT_MISSING)
    candidates = sorted(keys, key=lambda key: not claim.hint or key.hint != claim.hint)
    for key in candidates:
        for signature in filter(key.could_have_made, claim.signatures):
            if budget.checks <= 0:
                return Judgement(State.UNVERIFIABLE, UNCHECKED)
            budget.checks -= 1
            if key.verifies(signature, message):
                return Judgement(State.VALID, fingerprint=key.fingerprint)
    return _why_no_key_fits(claim, candidates)


def judge_notary(signature: NotarySignature, *, subject: str) -> Judgement:
    """Judge a signature of the Notary Project by what it says, for there are no roots of trust."""
    if signature.target != subject:
        return Judgement(
            State.INVALID, f"it was made for another manifest: {signature.target[:150]}"
        )
    made = f", made {signature.signed_at:%Y-%m-%d %H:%M} UTC" if signature.signed_at else ""
    return Judgement(
        State.UNVERIFIABLE,
        f"a signature of the Notary Project that names {signature.signer}{made}: present, and not"
        " verified here, where no trust store is kept",
    )


def _why_no_key_fits(claim: Claim, candidates: list[VerifyingKey]) -> Judgement:
    if claim.has_certificate:
        who = f" that names {claim.signer}" if claim.signer else ""
        return Judgement(
            State.UNVERIFIABLE,
            f"it was made with a certificate{who}; only registered keys are checked",
        )
    if not candidates:
        return Judgement(State.UNVERIFIABLE, "no key is registered to check it with")
    if claim.hint and claim.hint == candidates[0].hint:
        return Judgement(
            State.INVALID,
            f"it names the key {candidates[0].fingerprint[:12]}, whose signature it is not",
        )
    if claim.hint:
        return Judgement(
            State.UNVERIFIABLE, f"it names a key that is not registered: {claim.hint[:80]!r}"
        )
    return Judgement(
        State.INVALID, "it is not by a registered key, or was changed after it was made"
    )
