"""What a page shows of an SBOM, of an attestation, and of a config that is JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.http import QueryDict

from artifacts.documents.documents import Document, read_document
from artifacts.documents.opening import MAX_DOCUMENT_BYTES, NotShown, State, too_large
from artifacts.documents.sboms import Component, Sbom
from artifacts.documents.statements import Statement
from artifacts.kinds.kinds import EMPTY_CONFIG, IMAGE_CONFIGS, SIGSTORE_BUNDLE, Kind
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.documents import ManifestDocument
from artifacts.signatures.claims import DSSE, IN_TOTO, SIMPLE_SIGNING
from registry.repositories.models import Repository
from ui.contents.blobs import TITLE
from ui.contents.manifest import Unreadable, read_whole
from ui.contents.referrers import IN_TOTO_PREDICATE, is_provenance, predicate_name
from ui.display.code import Source, json_source
from ui.display.text import shown

MAX_CONFIG_BYTES: Final = 64 * 1024
MAX_FILTER_LENGTH: Final = 200
COMPONENTS_PER_PAGE: Final = 100
MAX_LISTED: Final = 100  # documents of one manifest that have a row
MAX_SHOWN: Final = 5  # of them that one page opens
MAX_SHOWN_BYTES: Final = MAX_DOCUMENT_BYTES


@dataclass(frozen=True, slots=True)
class ComponentTable:
    """One page of the components, after the filter. ``document`` is the number of what holds them,
    empty where nobody chose."""

    sbom: Sbom
    rows: Sequence[Component]
    found: int
    text: str
    document: str
    previous_page: int | None
    next_page: int | None


@dataclass(frozen=True, slots=True)
class StatementView:
    statement: Statement
    title: str
    source: Source


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document of a manifest. ``state`` is empty where this page did not open it."""

    number: int
    name: str
    detail: str
    size: int
    state: State | None


@dataclass(slots=True)
class DocumentView:
    """``problems`` are sentences on what is broken, ``notes`` on what is whole and not shown."""

    rows: Sequence[DocumentRow] = ()
    left_out: int = 0
    chosen: str = ""
    statements: list[StatementView] = field(default_factory=list)
    components: ComponentTable | None = None
    config: Source | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def document_of(
    repository: Repository, kind: str, document: ManifestDocument, query: QueryDict, now: datetime
) -> DocumentView:
    if kind not in (Kind.SBOM, Kind.ATTESTATION, Kind.SIGNATURE):
        return DocumentView(config=_config(repository, document, now))
    layers = [layer for layer in document.layers if _may_be_opened(kind, layer)]
    if not layers and kind != Kind.SIGNATURE:
        return DocumentView(problems=[f"The manifest names no layer that could hold the {kind}."])
    return _Opening(repository, kind, layers, query, now).view()


def _may_be_opened(kind: str, layer: Descriptor) -> bool:
    """A signature states nothing more, unless it is wrapped as an attestation."""
    if kind != Kind.SIGNATURE:
        return layer.media_type != SIMPLE_SIGNING
    return layer.media_type in (DSSE, IN_TOTO) or bool(SIGSTORE_BUNDLE.fullmatch(layer.media_type))


class _Opening:
    """Opens the documents of one manifest, a bounded part of them on one page."""

    def __init__(
        self,
        repository: Repository,
        kind: str,
        layers: Sequence[Descriptor],
        query: QueryDict,
        now: datetime,
    ) -> None:
        self._repository = repository
        self._kind = kind
        self._listed = layers[:MAX_LISTED]
        self._query = query
        self._now = now
        number = query.get("document", "")
        is_listed = number.isdecimal() and len(number) < 4 and 0 < int(number) <= len(self._listed)
        self._view = DocumentView(left_out=len(layers) - len(self._listed))
        self._view.chosen = number if is_listed else ""

    def view(self) -> DocumentView:
        opened = {number: self._open(number) for number in self._numbers()}
        if len(self._listed) > 1:
            self._view.rows = [
                self._row(number, layer, opened.get(number))
                for number, layer in enumerate(self._listed, 1)
            ]
        return self._view

    def _numbers(self) -> Iterator[int]:
        """The document that was asked for; else the first few, and where things come from first."""
        if self._view.chosen:
            yield int(self._view.chosen)
            return
        numbers = range(1, len(self._listed) + 1)
        by_interest = sorted(
            numbers, key=lambda n: not is_provenance(_predicate(self._listed[n - 1]))
        )
        size = 0
        for number in by_interest[:MAX_SHOWN]:
            size += self._listed[number - 1].size
            if number != by_interest[0] and size > MAX_SHOWN_BYTES:
                return
            yield number

    def _open(self, number: int) -> State:
        layer = self._listed[number - 1]
        subject = f"The {self._kind}" if len(self._listed) == 1 else self._name(number)
        try:
            if layer.size > MAX_DOCUMENT_BYTES:
                raise too_large()
            content = read_whole(
                self._repository, layer, limit_bytes=MAX_DOCUMENT_BYTES, now=self._now
            )
            document = read_document(content)
        except Unreadable as error:
            self._view.problems.append(f"{subject} cannot be shown: {shown(str(error), 300)}.")
            return State.BROKEN
        except NotShown as error:
            is_broken = error.state == State.BROKEN
            sentences = self._view.problems if is_broken else self._view.notes
            sentences.append(f"{subject} {shown(str(error), 300)}.")
            return error.state
        if document.remark:
            self._view.notes.append(f"{subject} {shown(document.remark, 300)}.")
        self._show(document)
        return State.SHOWN

    def _show(self, document: Document) -> None:
        for statement in document.statements[:MAX_SHOWN]:
            source = json_source(json.dumps(statement.document).encode())
            title = shown(predicate_name(statement.predicate_type), 200)
            self._view.statements.append(StatementView(statement, title, source))
        if (left_out := len(document.statements) - MAX_SHOWN) > 0:
            self._view.notes.append(f"{left_out} more statements of one file are not shown.")
        if document.sbom and self._view.components is None:
            self._view.components = _table(document.sbom, self._query, self._view.chosen)

    def _row(self, number: int, layer: Descriptor, state: State | None) -> DocumentRow:
        predicate = _predicate(layer)
        detail = predicate_name(predicate) if predicate else layer.media_type
        return DocumentRow(number, self._name(number), shown(detail, 200), layer.size, state)

    def _name(self, number: int) -> str:
        title = self._listed[number - 1].annotations.get(TITLE, "")
        return shown(title, 200) if title else f"Document {number}"


def _predicate(layer: Descriptor) -> str:
    return layer.annotations.get(IN_TOTO_PREDICATE, "")


def _table(sbom: Sbom, query: QueryDict, document: str) -> ComponentTable:
    text = query.get("q", "")[:MAX_FILTER_LENGTH]
    wanted = text.strip().casefold()
    matches = [one for one in sbom.components if wanted in _searched(one)]
    last = max(0, (len(matches) - 1) // COMPONENTS_PER_PAGE)
    number = query.get("page", "")
    page = min(int(number), last) if number.isdecimal() and len(number) < 6 else 0
    start = page * COMPONENTS_PER_PAGE
    return ComponentTable(
        sbom=sbom,
        rows=matches[start : start + COMPONENTS_PER_PAGE],
        found=len(matches),
        text=text,
        document=document,
        previous_page=page - 1 if page else None,
        next_page=page + 1 if page < last else None,
    )


def _searched(one: Component) -> str:
    return f"{one.name} {one.version} {one.kind} {one.licence} {one.purl}".casefold()


def _config(repository: Repository, document: ManifestDocument, now: datetime) -> Source | None:
    """Configs of artifacts, where they are short and JSON: some say all there is to know."""
    config = document.config
    if config is None or config.media_type == EMPTY_CONFIG:
        return None
    is_json = config.media_type.endswith(("+json", "/json")) or config.media_type in IMAGE_CONFIGS
    if not is_json or config.size <= len(b"{}"):
        return None
    try:
        return json_source(read_whole(repository, config, limit_bytes=MAX_CONFIG_BYTES, now=now))
    except Unreadable:
        return None
