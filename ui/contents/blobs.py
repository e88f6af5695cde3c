"""The config and the layers that a manifest lists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse

from artifacts.charts.chart import CONTENT_TYPES, PROVENANCE_TYPE
from artifacts.kinds.kinds import EMPTY_CONFIG, IMAGE_LAYERS
from artifacts.oci.descriptors import UNKNOWN_SIZE, Descriptor
from artifacts.oci.documents import ManifestDocument
from ui.display.file_names import file_name
from ui.display.text import Pairs, pairs, shown

MAX_LAYERS = 200
TITLE = "org.opencontainers.image.title"
_ENCRYPTED = "+encrypted"
_NAMES = {
    PROVENANCE_TYPE: "Provenance",
    **dict.fromkeys(CONTENT_TYPES, "Chart archive"),
}
_ENDINGS = (
    ("tar+gzip", ".tar.gz"),
    ("tar.gzip", ".tar.gz"),
    ("tar+zstd", ".tar.zst"),
    ("+json", ".json"),
    ("/json", ".json"),
    ("+yaml", ".yaml"),
    (".tar", ".tar"),
    ("+tar", ".tar"),
    ("wasm", ".wasm"),
    (".sif", ".sif"),
    (".prov", ".prov"),
    ("text/plain", ".txt"),
)


@dataclass(frozen=True, slots=True)
class BlobRow:
    role: str
    media_type: str
    digest: str
    size: int | None
    percent: int
    annotations: Pairs
    url: str
    files_url: str


@dataclass(frozen=True, slots=True)
class Blobs:
    rows: Sequence[BlobRow]
    left_out: int
    size: int
    count: int


def blobs_of(path: str, digest: str, document: ManifestDocument) -> Blobs:
    every = list(document.blobs())
    distinct = {one.digest: max(0, one.size) for one in every}
    total = sum(distinct.values())
    rows = [_row(path, digest, one, total, document) for one in every[: MAX_LAYERS + 1]]
    return Blobs(rows, len(every) - len(rows), total, len(distinct))


def find_descriptor(document: ManifestDocument, digest: str) -> Descriptor | None:
    every = (*document.blobs(), *document.manifests)
    return next((one for one in every if str(one.digest) == digest), None)


def download_name(descriptor: Descriptor) -> str:
    """What a blob is called once it is saved: its title, or a name made of its digest and type."""
    ending = next((end for word, end in _ENDINGS if word in descriptor.media_type), ".bin")
    own = f"{descriptor.digest.hex[:12]}{ending}"
    return file_name(descriptor.annotations.get(TITLE, ""), own)


def may_hold_files(media_type: str) -> bool:
    """Whether the type names an archive whose files can be listed."""
    if media_type.endswith(_ENCRYPTED):
        return False
    return media_type in IMAGE_LAYERS or media_type in CONTENT_TYPES or "tar" in _words(media_type)


def _words(media_type: str) -> Iterator[str]:
    for part in media_type.replace("+", ".").replace("/", ".").split("."):
        yield part.partition(";")[0]


def _row(
    path: str, digest: str, one: Descriptor, total: int, document: ManifestDocument
) -> BlobRow:
    kwargs = {"repository": path, "digest": digest, "blob": str(one.digest)}
    has_files = one is not document.config and may_hold_files(one.media_type)
    rest = {name: text for name, text in one.annotations.items() if name != TITLE}
    return BlobRow(
        role=_role(one, document),
        media_type=shown(one.media_type, 255),
        digest=str(one.digest),
        size=None if one.size == UNKNOWN_SIZE else one.size,
        percent=round(100 * max(0, one.size) / total) if total else 0,
        annotations=pairs(rest),
        url=reverse("ui:blob", kwargs=kwargs),
        files_url=reverse("ui:layer", kwargs=kwargs) if has_files else "",
    )


def _role(one: Descriptor, document: ManifestDocument) -> str:
    if one is document.config:
        return "Empty config" if one.media_type == EMPTY_CONFIG else "Config"
    if title := one.annotations.get(TITLE, ""):
        return shown(title, 300)
    if one.media_type in _NAMES:
        return _NAMES[one.media_type]
    number = next(i for i, layer in enumerate(document.layers, 1) if layer is one)
    return f"Layer {number}"
