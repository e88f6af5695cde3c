"""Commands of cosign, for signatures that no public log knows of.

They are those of cosign 3; cosign 2 does not know ``--use-signing-config``.
"""

import shlex
from collections.abc import Iterable

from registry.verification.models import Verdict
from ui.commands.address import Address, Registry
from ui.display.file_names import ascii_name

MAX_KEYS = 3
MAKE_KEYS = "cosign generate-key-pair"


def sign(registry: Registry, reference: str) -> str:
    offline = "--tlog-upload=false --use-signing-config=false"
    return f"cosign sign --key cosign.key {offline}{registry.option('cosign')} {reference}"


def verify(registry: Registry, reference: str, *, key: str = "cosign", attested: str = "") -> str:
    """``key`` is the name of its file; ``attested`` a type of predicate, for an attestation."""
    options = f"--key {key}.pub --insecure-ignore-tlog=true"
    http = registry.option("cosign")
    if not attested:
        return f"cosign verify {options}{http} {reference}"
    kind = f"--type {shlex.quote(attested)}"
    return f"cosign verify-attestation {options} {kind}{http} {reference}"


def verifications(address: Address, verdicts: Iterable[Verdict]) -> list[str]:
    """How others verify what was found valid here, each with the key that did."""
    commands = (
        verify(
            address.registry,
            address.by_digest,
            key=ascii_name(verdict.key.name, "cosign"),
            attested="" if verdict.is_signature else verdict.predicate_type,
        )
        for verdict in verdicts
        if verdict.key is not None
    )
    return list(dict.fromkeys(commands))[:MAX_KEYS]
