"""Schema 1 manifests, and signatures over them made as the specs say, apart from our own code."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
EMPTY_LAYER = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"

Document = dict[str, Any]
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def v1_image(id_: str, parent: str = "", **said: Any) -> Document:
    return {"v1Compatibility": json.dumps({"id": id_, "parent": parent, **said})}


def schema1(*layers: str, name: str = "acme/web", tag: str = "v1", **changed: Any) -> Document:
    """A manifest of layers, newest first, with ids that are counted up from the oldest."""
    count = len(layers)
    ids = [f"{i:064x}" for i in range(count, 0, -1)] + [""]
    return {
        "schemaVersion": 1,
        "name": name,
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": [{"blobSum": layer} for layer in layers],
        "history": [v1_image(ids[i], ids[i + 1]) for i in range(count)],
        **changed,
    }


def written(document: Document) -> bytes:
    """As Docker wrote it, which is what its signatures are over."""
    return json.dumps(document, indent=3).encode()


def signed(payload: bytes, *signatures: Document) -> bytes:
    """``payload`` with signatures put in before its last two bytes."""
    entries = json.dumps(signatures or [signature(payload)]).encode()
    return payload[:-2] + b',\n   "signatures": ' + entries + payload[-2:]


def signature(
    payload: bytes,
    algorithm: str = "ES256",
    *,
    key: Any = None,
    length: int | None = None,
    tail: bytes | None = None,
    **header: Any,
) -> Document:
    """One entry of ``signatures``."""
    key = key or new_key(algorithm)
    protected = encode(
        json.dumps(
            {
                "formatLength": len(payload) - 2 if length is None else length,
                "formatTail": encode(payload[-2:] if tail is None else tail),
                "time": "2015-06-24T21:14:46Z",
            }
        ).encode()
    )
    text = f"{protected}.{encode(payload)}".encode()
    return {
        "header": {"alg": algorithm, "jwk": jwk(key), **header},
        "signature": encode(_proof(key, text, _HASHES[algorithm[2:]])),
        "protected": protected,
    }


def new_key(algorithm: str) -> Any:
    if algorithm.startswith("RS"):
        return rsa.generate_private_key(65537, 2048)
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    return ec.generate_private_key(curves[algorithm])


def jwk(key: Any) -> Document:
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": _number(numbers.n, 256), "e": _number(numbers.e, 12)}
    size = (key.curve.key_size + 7) // 8
    name = {256: "P-256", 384: "P-384", 521: "P-521"}[key.curve.key_size]
    point = {"x": _number(numbers.x, size), "y": _number(numbers.y, size)}
    return {"kty": "EC", "crv": name, **point}


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(number: int, size: int) -> str:
    return encode(number.to_bytes(size))


def _proof(key: Any, text: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), algorithm)
    size = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(algorithm)))
    return r.to_bytes(size) + s.to_bytes(size)
