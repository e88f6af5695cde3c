"""The components that an SBOM lists: SPDX 2, CycloneDX and Syft, each in JSON.

Source: SPDX 2.3, clause 7; CycloneDX 1.6, "components"; Syft's JSON schema, "artifacts".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object

MAX_SBOM_BYTES: Final = 16 * 1024 * 1024
MAX_COMPONENTS: Final = 20_000
MAX_NESTING: Final = 8
_MAX_TEXT: Final = 500
_NO_ASSERTION = ("NOASSERTION", "NONE", "")


class SbomUnreadable(ValueError):
    """The bytes are no SBOM of a known form; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    version: str
    kind: str
    licence: str
    purl: str


@dataclass(frozen=True, slots=True)
class Sbom:
    """``form`` is its format with the version; ``is_cut`` when it lists more than is read."""

    form: str
    subject: str
    components: Sequence[Component]
    is_cut: bool = False


def read_sbom(content: bytes) -> Sbom:
    """Raises ``SbomUnreadable``."""
    if len(content) > MAX_SBOM_BYTES:
        raise SbomUnreadable(f"it is larger than {MAX_SBOM_BYTES // 1024**2} MiB")
    try:
        document = parse_object(content)
    except ManifestInvalid as error:
        raise SbomUnreadable(f"it is {error.reason}") from error
    return sbom_of(document)


def sbom_of(document: Mapping[str, Any]) -> Sbom:
    """As ``read_sbom``, of what has been parsed: the predicate of an attestation, say."""
    if isinstance(version := document.get("spdxVersion"), str):
        return _cut(_short(version), _text(document, "name"), _spdx(document))
    if document.get("bomFormat") == "CycloneDX":
        form = f"CycloneDX {_text(document, 'specVersion')}".strip()
        top = _mapping(_mapping(document.get("metadata")).get("component"))
        return _cut(form, _text(top, "name"), _cyclonedx(document))
    if "syft" in _text(_mapping(document.get("schema")), "url"):
        form = f"Syft {_text(_mapping(document.get('schema')), 'version')}".strip()
        source = _mapping(document.get("source"))
        return _cut(form, _text(source, "name"), _syft(document))
    raise SbomUnreadable("it is neither SPDX 2, CycloneDX nor Syft in JSON")


def _cut(form: str, subject: str, found: Iterator[Component]) -> Sbom:
    components = list(islice(found, MAX_COMPONENTS))
    return Sbom(form, subject, components, is_cut=next(found, None) is not None)


def _spdx(document: Mapping[str, Any]) -> Iterator[Component]:
    for package in _mappings(document.get("packages")):
        references = _mappings(package.get("externalRefs"))
        purls = (
            _text(one, "referenceLocator")
            for one in references
            if one.get("referenceType") == "purl"
        )
        licence = _text(package, "licenseConcluded")
        if licence in _NO_ASSERTION:
            licence = _text(package, "licenseDeclared")
        yield Component(
            name=_text(package, "name"),
            version=_text(package, "versionInfo"),
            kind=_text(package, "primaryPackagePurpose").lower(),
            licence="" if licence in _NO_ASSERTION else licence,
            purl=next(purls, ""),
        )


def _cyclonedx(document: Mapping[str, Any]) -> Iterator[Component]:
    level = list(_mappings(document.get("components")))
    for _ in range(MAX_NESTING):
        inner: list[Mapping[str, Any]] = []
        for item in level:
            yield Component(
                name="/".join(filter(None, (_text(item, "group"), _text(item, "name")))),
                version=_text(item, "version"),
                kind=_text(item, "type"),
                licence=", ".join(filter(None, _licences_of(item.get("licenses")))),
                purl=_text(item, "purl"),
            )
            inner.extend(_mappings(item.get("components")))
        level = inner


def _licences_of(value: Any) -> Iterator[str]:
    for item in islice(_mappings(value), 10):
        licence = _mapping(item.get("license"))
        yield _text(item, "expression") or _text(licence, "id") or _text(licence, "name")


def _syft(document: Mapping[str, Any]) -> Iterator[Component]:
    for item in _mappings(document.get("artifacts")):
        licences = item.get("licenses")
        listed = licences[:10] if isinstance(licences, list) else []
        texts = (_text(one, "value") if isinstance(one, dict) else one for one in listed)
        yield Component(
            name=_text(item, "name"),
            version=_text(item, "version"),
            kind=_text(item, "type"),
            licence=_short(", ".join(text for text in texts if isinstance(text, str) and text)),
            purl=_text(item, "purl"),
        )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return _short(value) if isinstance(value, str) else ""


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
