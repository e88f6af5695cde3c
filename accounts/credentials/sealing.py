"""Encrypting what is kept in the database, under the key of the configuration."""

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def cipher(*, purpose: str) -> MultiFernet:
    """Encrypts under SECRET_KEY; reads what any of SECRET_KEY_FALLBACKS encrypted, too.

    Args:
        purpose: what it encrypts. What is encrypted for one purpose cannot be read for another.
    """
    secret_keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derive(secret_key, purpose)) for secret_key in secret_keys])


def _derive(secret_key: str | bytes, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return base64.urlsafe_b64encode(hkdf.derive(force_bytes(secret_key)))
