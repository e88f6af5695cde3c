"""JWTs that somebody else has signed: what is believed of them, and what refused.

Source: OpenID Connect Core 1.0, section 3.1.3.7; RFC 7515, 7517 and 7519.
"""

from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from artifacts.text import cleaned

# Signed by a key that only the issuer holds. Our secret signs nothing: issuers keep it as text.
ALGORITHMS: Final = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)
_KEYS_TRIED: Final = 16
_SHORTEST_RSA_KEY: Final = 2048  # bits
_CLOCKS_DIFFER_SECONDS: Final = 60


class TokenRefused(Exception):
    """The token proves nothing. ``str`` says why, for a person."""


def header_of(token: str) -> dict[str, Any]:
    """What a token says of its key; nothing is checked. Raises ``TokenRefused``."""
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError) as error:
        raise TokenRefused("it cannot be read") from error
    if header.get("alg") not in ALGORITHMS:
        raise TokenRefused(f"it is signed by {header.get('alg')!r}")
    return header


def unverified(token: str) -> dict[str, Any]:
    """What a token claims, which nobody has proved. Raises ``TokenRefused``."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenRefused("it cannot be read") from error
    return {**cleaned(claims)}


def verified(token: str, keys: object, *, issuer: str, audience: str | None) -> dict[str, Any]:
    """The claims of a token that one of the issuer's ``keys`` has signed.

    Args:
        keys: those of a JSON Web Key Set, as they came.
        audience: whom it must be for; ``None``: the caller looks.

    Raises ``TokenRefused``.
    """
    header = header_of(token)
    algorithm = header["alg"]
    refusal = "no key of the issuer fits it"
    for key in fitting(keys, algorithm, header.get("kid")):
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audience,
                issuer=issuer,
                leeway=_CLOCKS_DIFFER_SECONDS,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat"],
                    "verify_aud": audience is not None,
                },
            )
        except jwt.InvalidSignatureError:
            refusal = "no key of the issuer has signed it"
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenRefused(f"it does not hold: {error}") from error
        else:
            return {**cleaned(claims)}
    raise TokenRefused(refusal)


def fitting(keys: object, algorithm: str, name: object) -> list[Any]:
    """The public keys among ``keys`` that may have signed with ``algorithm``.

    A token names its key, unless the issuer has one only (Core, 10.1).
    """
    public_keys: list[Any] = []
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig":
            continue
        if key.get("alg", algorithm) != algorithm or name not in (None, key.get("kid")):
            continue
        try:
            public_key = jwt.PyJWK(key, algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError):
            continue  # a kind of key that we do not know, for other tokens
        if isinstance(public_key, RSAPublicKey) and public_key.key_size < _SHORTEST_RSA_KEY:
            continue
        public_keys.append(public_key)
        if len(public_keys) == _KEYS_TRIED:
            break
    return public_keys
