"""The secrets of hooks: sealed in the database, never given back, and what they prove.

Sources: Standard Webhooks 1.0 (symmetric signatures); the headers of GitHub and of Flux.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.fernet import InvalidToken

from accounts.credentials.keys import cipher

PREFIX: Final = "whsec_"
OLD_SECRET_FOR: Final = timedelta(hours=24)
_PURPOSE: Final = "berth hooks"


class SecretsUnreadable(Exception):
    """They were sealed under another SECRET_KEY."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Args:
    secret: text that both sides know; with ``PREFIX`` it is base64.
    old_secret: what it was before, good until ``old_until`` (ISO 8601).
    headers: sent with each call as they are.
    """

    secret: str = ""
    old_secret: str = ""
    old_until: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def seal(self) -> str:
        return cipher(purpose=_PURPOSE).encrypt(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def unseal(cls, sealed: str) -> "Secrets":
        """Raises ``SecretsUnreadable``."""
        if not sealed:
            return cls()
        try:
            fields: dict[str, Any] = json.loads(cipher(purpose=_PURPOSE).decrypt(sealed.encode()))
        except InvalidToken as error:
            raise SecretsUnreadable(
                "the secrets of the hook cannot be decrypted: SECRET_KEY has changed"
            ) from error
        return cls(**fields)

    def replaced(self, secret: str, *, now: datetime) -> "Secrets":
        until = (now + OLD_SECRET_FOR).isoformat() if self.secret else ""
        return Secrets(secret, self.secret, until, self.headers)

    def proof(self, *, uuid: str, body: bytes, now: datetime) -> dict[str, str]:
        """Headers that prove who sends ``body``, in all ways that receivers know."""
        seconds = str(int(now.timestamp()))
        headers = {"webhook-id": uuid, "webhook-timestamp": seconds}
        if not self.secret:
            return headers
        is_old_good = self.old_secret and now < datetime.fromisoformat(self.old_until)
        keys = [self.secret, *([self.old_secret] if is_old_good else [])]
        message = b".".join((uuid.encode(), seconds.encode(), body))
        signed = f"sha256={hmac.digest(self.secret.encode(), body, 'sha256').hex()}"
        return {
            **headers,
            "webhook-signature": " ".join(_standard(key, message) for key in keys),
            "X-Hub-Signature-256": signed,
            "X-Signature": signed,
        }


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text: str) -> bool:
    """Whether receivers can work with it: what begins like a key in base64 must be one."""
    if not 8 <= len(text) <= 256 or not (text.isascii() and text.isprintable()):
        return False
    if not text.startswith(PREFIX):
        return True
    try:
        return len(base64.b64decode(text.removeprefix(PREFIX), validate=True)) >= 16
    except binascii.Error:
        return False


def _standard(secret: str, message: bytes) -> str:
    encoded = secret.removeprefix(PREFIX)
    key = base64.b64decode(encoded) if encoded != secret else secret.encode()
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
