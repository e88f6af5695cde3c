"""What a page shows of an SBOM, of an attestation, and of a config that is JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import QueryDict

from artifacts.documents.sboms import (
    MAX_SBOM_BYTES,
    Component,
    Sbom,
    SbomUnreadable,
    read_sbom,
    sbom_of,
)
from artifacts.documents.statements import (
    MAX_STATEMENT_BYTES,
    Statement,
    StatementUnreadable,
    read_statement,
)
from artifacts.kinds.kinds import EMPTY_CONFIG, IMAGE_CONFIGS, Kind
from artifacts.oci.documents import ManifestDocument
from artifacts.signatures.claims import SIMPLE_SIGNING
from registry.repositories.models import Repository
from ui.contents.reading import Unreadable, read_whole
from ui.contents.referrers import predicate_name
from ui.contents.source import Source, json_source
from ui.contents.text import shown

MAX_CONFIG_BYTES: Final = 64 * 1024
MAX_FILTER_LENGTH: Final = 200
COMPONENTS_PER_PAGE: Final = 100
MAX_STATEMENTS: Final = 5


@dataclass(frozen=True, slots=True)
class ComponentTable:
    """One page of the components, after the filter."""

    sbom: Sbom
    rows: Sequence[Component]
    found: int
    text: str
    previous_page: int | None
    next_page: int | None


@dataclass(frozen=True, slots=True)
class StatementView:
    statement: Statement
    title: str
    source: Source


@dataclass(frozen=True, slots=True)
class DocumentView:
    """``problems`` are sentences on what could not be read."""

    statements: Sequence[StatementView] = ()
    components: ComponentTable | None = None
    config: Source | None = None
    problems: Sequence[str] = ()


def document_of(
    repository: Repository, kind: str, document: ManifestDocument, query: QueryDict, now: datetime
) -> DocumentView:
    match kind:
        case Kind.SBOM:
            return _sbom(repository, document, query, now)
        case Kind.ATTESTATION | Kind.SIGNATURE:
            return _statements(repository, document, query, now)
        case _:
            return DocumentView(config=_config(repository, document, now))


def _sbom(
    repository: Repository, document: ManifestDocument, query: QueryDict, now: datetime
) -> DocumentView:
    if not document.layers:
        return DocumentView(problems=["The manifest names no layer that could hold the SBOM."])
    try:
        layer = document.layers[0]
        content = read_whole(repository, layer, limit_bytes=MAX_SBOM_BYTES, now=now)
        return DocumentView(components=_table(read_sbom(content), query))
    except (Unreadable, SbomUnreadable) as error:
        return DocumentView(problems=[f"The SBOM could not be read, because {_short(error)}."])


def _statements(
    repository: Repository, document: ManifestDocument, query: QueryDict, now: datetime
) -> DocumentView:
    """Attestations in all layers; the components where one of them holds an SBOM."""
    views, problems = [], []
    components: ComponentTable | None = None
    for layer in document.layers[:MAX_STATEMENTS]:
        if layer.media_type == SIMPLE_SIGNING:
            continue  # a signature; it states nothing more
        try:
            content = read_whole(repository, layer, limit_bytes=MAX_STATEMENT_BYTES, now=now)
            statement = read_statement(content)
        except (Unreadable, StatementUnreadable) as error:
            problems.append(f"{layer.where} could not be read, because {_short(error)}.")
            continue
        arranged = json_source(json.dumps(statement.document).encode())
        views.append(StatementView(statement, _title(statement), arranged))
        components = components or _components(statement, query)
    return DocumentView(views, components, problems=problems)


def _title(statement: Statement) -> str:
    return shown(predicate_name(statement.predicate_type), 200)


def _components(statement: Statement, query: QueryDict) -> ComponentTable | None:
    try:
        return _table(sbom_of(statement.predicate), query)
    except SbomUnreadable:
        return None


def _table(sbom: Sbom, query: QueryDict) -> ComponentTable:
    text = query.get("q", "")[:MAX_FILTER_LENGTH]
    wanted = text.strip().casefold()
    found = [one for one in sbom.components if wanted in _searched(one)]
    last = max(0, (len(found) - 1) // COMPONENTS_PER_PAGE)
    number = query.get("page", "")
    page = min(int(number), last) if number.isdecimal() and len(number) < 6 else 0
    start = page * COMPONENTS_PER_PAGE
    return ComponentTable(
        sbom=sbom,
        rows=found[start : start + COMPONENTS_PER_PAGE],
        found=len(found),
        text=text,
        previous_page=page - 1 if page else None,
        next_page=page + 1 if page < last else None,
    )


def _searched(one: Component) -> str:
    return f"{one.name} {one.version} {one.kind} {one.licence} {one.purl}".casefold()


def _config(repository: Repository, document: ManifestDocument, now: datetime) -> Source | None:
    """Configs of artifacts, where they are short and JSON: some say all there is to know."""
    config = document.config
    if config is None or config.media_type in IMAGE_CONFIGS | {EMPTY_CONFIG}:
        return None
    if not config.media_type.endswith(("+json", "/json")) or config.size <= len(b"{}"):
        return None
    try:
        return json_source(read_whole(repository, config, limit_bytes=MAX_CONFIG_BYTES, now=now))
    except Unreadable:
        return None


def _short(error: Exception) -> str:
    return shown(str(error), 300)
