"""The components that an SBOM lists: SPDX 2 and 3, CycloneDX and Syft, each in JSON.

Source: SPDX 2.3, clause 7; SPDX 3.0.1, "Software" and "SimpleLicensing"; CycloneDX 1.7,
"components"; Syft's JSON schema, "artifacts".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

from artifacts.documents.opening import form_not_shown

MAX_COMPONENTS: Final = 20_000
MAX_NESTING: Final = 8
_MAX_TEXT: Final = 500
_NO_ASSERTION = ("NOASSERTION", "NONE", "")
_SPDX_3 = "spdx.org/rdf/3"
_CYCLONEDX = "cyclonedx.org/schema/bom"
_LICENCE_RELATIONS = ("hasConcludedLicense", "hasDeclaredLicense")  # the first says more


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    version: str
    kind: str
    licence: str
    purl: str


@dataclass(frozen=True, slots=True)
class Sbom:
    """``form`` is its format with the version; ``left_out`` counts what it lists beyond."""

    form: str
    subject: str
    components: Sequence[Component]
    left_out: int = 0


def sbom_of(document: Mapping[str, Any]) -> Sbom | None:
    """What is listed in JSON that was parsed; ``None`` when it is no SBOM.

    Raises ``NotShown`` when it is of a form that is only known by name.
    """
    if isinstance(inner := document.get("sbom"), dict):  # so GitHub's API hands them out
        document = inner
    if isinstance(version := document.get("spdxVersion"), str):
        return _cut(_short(version), _text(document, "name"), _spdx(document))
    if _is_spdx_3(document):  # a single element needs no graph
        graph = document.get("@graph")
        return _spdx_3_sbom(graph if isinstance(graph, list) else [document])
    if document.get("bomFormat") == "CycloneDX" or _CYCLONEDX in _text(document, "$schema"):
        form = f"CycloneDX {_text(document, 'specVersion')}".strip()
        top = _mapping(_mapping(document.get("metadata")).get("component"))
        return _cut(form, _text(top, "name"), _cyclonedx(document))
    if "syft" in _text(_mapping(document.get("schema")), "url"):
        form = f"Syft {_text(_mapping(document.get('schema')), 'version')}".strip()
        source = _mapping(document.get("source"))
        return _cut(form, _text(source, "name"), _syft(document))
    if form := _known_report(document):
        raise form_not_shown(form)
    return None


def merged(sboms: Sequence[Sbom]) -> Sbom:
    """Several SBOMs of one file as one list."""
    if len(sboms) == 1:
        return sboms[0]
    components = list(islice(chain.from_iterable(one.components for one in sboms), MAX_COMPONENTS))
    forms = " and ".join(dict.fromkeys(one.form for one in sboms))
    return Sbom(
        form=f"{_short(forms)}, {len(sboms)} in one file",
        subject=_short(", ".join(one.subject for one in sboms if one.subject)),
        components=components,
        left_out=sum(len(one.components) + one.left_out for one in sboms) - len(components),
    )


def _known_report(document: Mapping[str, Any]) -> str:
    """What is often kept beside SBOMs under their types; empty for what is not known."""
    names = {
        "a report in SARIF": "sarif" in _text(document, "$schema")
        and isinstance(document.get("runs"), list),
        "an OpenVEX document": "openvex" in _text(document, "@context"),
        "a report of Trivy": isinstance(document.get("Results"), list)
        and "ArtifactName" in document,
        "a report of Grype": isinstance(document.get("matches"), list) and "descriptor" in document,
        "a dependency snapshot for GitHub": isinstance(document.get("manifests"), dict)
        and "detector" in document,
        "SPDX of a version before 2.2": "SPDX"
        in _text(_mapping(document.get("Document")), "specVersion"),
        "a link of in-toto": document.get("_type") == "link",
    }
    return next((name for name, is_it in names.items() if is_it), "")


def _cut(form: str, subject: str, stream: Iterator[Component]) -> Sbom:
    components = list(islice(stream, MAX_COMPONENTS))
    return Sbom(form, subject, components, left_out=sum(1 for _ in stream))


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


def _is_spdx_3(document: Mapping[str, Any]) -> bool:
    context = document.get("@context")
    contexts = context if isinstance(context, list) else [context]
    texts = (one.get("@vocab") if isinstance(one, dict) else one for one in contexts)
    return any(isinstance(one, str) and _SPDX_3 in one for one in texts)


def _spdx_3_sbom(graph: list[Any]) -> Sbom:
    """SPDX 3 tells everything as elements of one graph that name each other by ``spdxId``."""
    elements = list(_mappings(graph))
    versions = (_text(one, "specVersion") for one in elements if one.get("type") == "CreationInfo")
    documents = (_text(one, "name") for one in elements if one.get("type") == "SpdxDocument")
    form = f"SPDX-{next(filter(None, versions), '3')}"
    return _cut(form, next(filter(None, documents), ""), _spdx_3(elements))


def _spdx_3(elements: Sequence[Mapping[str, Any]]) -> Iterator[Component]:
    licences = _spdx_3_licences(elements)
    for one in elements:
        if one.get("type") != "software_Package":
            continue
        identifiers = _mappings(one.get("externalIdentifier"))
        purls = (
            _text(other, "identifier")
            for other in identifiers
            if other.get("externalIdentifierType") in ("packageUrl", "purl")
        )
        yield Component(
            name=_text(one, "name"),
            version=_text(one, "software_packageVersion"),
            kind=_text(one, "software_primaryPurpose").lower(),
            licence=licences.get(_text(one, "spdxId"), ""),
            purl=_text(one, "software_packageUrl") or next(purls, ""),
        )


def _spdx_3_licences(elements: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """The licence of each package, through the relationships that lead there."""
    expressions = {
        _text(one, "spdxId"): _text(one, "simplelicensing_licenseExpression") or _text(one, "name")
        for one in elements
    }
    licences: dict[str, str] = {}
    for relation in _LICENCE_RELATIONS:
        for one in elements:
            to = one.get("to")
            if one.get("relationshipType") == relation and isinstance(to, list) and to:
                target = to[0] if isinstance(to[0], str) else ""
                if licence := expressions.get(_short(target), ""):
                    licences.setdefault(_text(one, "from"), licence)
    return licences


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
