"""The keys of issuers that robots trust: fetched by the one safe client, kept for a while.

Source: OpenID Connect Discovery 1.0, section 4; RFC 7517.
"""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from accounts.credentials.workloads.foreign_tokens import TokenRefused
from accounts.outgoing.addresses import AddressRefused, parse_address
from accounts.outgoing.client import CallFailed, call, permission
from artifacts.oci.errors import OCIError
from artifacts.oci.strict_json import parse_object

KEPT_SECONDS: Final = 3600.0
KEPT_WHEN_SILENT_SECONDS: Final = 86_400.0  # good keys of an issuer that does not answer
RETRY_SECONDS: Final = 60.0  # before an issuer is asked again, whatever is asked of us
_CALL_SECONDS: Final = 5
_MOST_BYTES: Final = 256 * 1024
_MOST_VALUES: Final = 5000
_MOST_ISSUERS: Final = 200


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: tuple[Any, ...] = ()
    got_at: float = float("-inf")
    asked_at: float = float("-inf")
    failure: str = ""


_key_sets: dict[str, _KeySet] = {}
_asking = threading.Lock()


def check_issuer(issuer: str) -> None:
    """Raises ``AddressRefused`` unless ``issuer`` is one whose keys can be asked for."""
    parts = urlsplit(issuer)
    if parts.scheme != "https" or parts.query or parts.fragment:
        raise AddressRefused("an issuer is an address with https:// and without a query")
    parse_address(issuer, permission(with_secret=True))


def keys_of(issuer: str, name: object) -> tuple[Any, ...]:
    """The keys of ``issuer``, asked for again when they are old or none is called ``name``.

    Only for issuers that somebody here trusts. Raises ``TokenRefused``.
    """
    key_set = _key_sets.get(issuer, _KeySet())
    if _is_stale(key_set, name):
        if not _asking.acquire(timeout=2 * _CALL_SECONDS):
            raise TokenRefused("the keys of issuers are being fetched; try again")
        try:
            key_set = _key_sets.get(issuer, _KeySet())
            if _is_stale(key_set, name):  # nobody else has asked meanwhile
                key_set = _remember(issuer, _refreshed(issuer, key_set))
        finally:
            _asking.release()
    if not key_set.keys or _now() - key_set.got_at > KEPT_WHEN_SILENT_SECONDS:
        raise TokenRefused(key_set.failure or f"{issuer} has no keys")
    return key_set.keys


def forget_keys() -> None:
    _key_sets.clear()


def _is_stale(key_set: _KeySet, name: object) -> bool:
    if _now() - key_set.asked_at < RETRY_SECONDS:
        return False
    is_known = any(isinstance(key, dict) and key.get("kid") == name for key in key_set.keys)
    return _now() - key_set.got_at >= KEPT_SECONDS or (name is not None and not is_known)


def _refreshed(issuer: str, key_set: _KeySet) -> _KeySet:
    try:
        keys = _fetched(issuer)
    except TokenRefused as error:
        return replace(key_set, asked_at=_now(), failure=str(error))
    return _KeySet(keys, _now(), _now())


def _remember(issuer: str, key_set: _KeySet) -> _KeySet:
    while len(_key_sets) >= _MOST_ISSUERS and issuer not in _key_sets:
        del _key_sets[next(iter(_key_sets))]
    _key_sets[issuer] = key_set
    return key_set


def _fetched(issuer: str) -> tuple[Any, ...]:
    metadata = _document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise TokenRefused(
            f"what {issuer} says of itself is about {str(metadata.get('issuer'))[:200]!r}"
        )
    place = metadata.get("jwks_uri")
    if not (isinstance(place, str) and place.startswith("https://")):
        raise TokenRefused(f"{issuer} names no address of its keys with https://")
    keys = _document(place).get("keys")
    if not isinstance(keys, list):
        raise TokenRefused(f"what {place} answers is no set of keys")
    return tuple(keys)


def _document(url: str) -> dict[str, Any]:
    try:
        answer = call(
            "GET",
            url,
            headers={"Accept": "application/json", "User-Agent": f"Berth/{settings.VERSION}"},
            allowed=permission(with_secret=True),
            seconds=_CALL_SECONDS,
            most_bytes=_MOST_BYTES,
        )
        if answer.status != 200 or not answer.is_whole:
            problem = f"answers {answer.status}" if answer.is_whole else "says too much"
            raise TokenRefused(f"{url} {problem}")
        return parse_object(answer.body, max_values=_MOST_VALUES)
    except (AddressRefused, CallFailed) as error:
        raise TokenRefused(f"{url} cannot be asked: {error}") from error
    except OCIError as error:
        raise TokenRefused(f"what {url} answers is no JSON object") from error


def _now() -> float:
    return time.monotonic()
