"""What a page shows of an image: its config, how it was built, and the platforms of an index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from artifacts.images.config import (
    ConfigUnreadable,
    ImageConfig,
    Settings,
    build_steps,
    labels_in,
)
from artifacts.images.references import about, is_about
from artifacts.kinds.kinds import PROOFS, Kind
from artifacts.oci.descriptors import UNKNOWN_SIZE, Descriptor, platform_name
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import MANIFESTS
from registry.blobs.models import BlobLink
from registry.manifests.models import Manifest
from registry.manifests.sizes import content_sizes
from registry.repositories.models import Repository
from ui.contents.manifest import Unreadable, document_in, read_whole
from ui.contents.referrers import stated_by
from ui.display.amounts import short_digest
from ui.display.text import Pair, Pairs, pairs, shown, web_link

MAX_CONFIG_BYTES = 1024 * 1024
MAX_STEPS = 300
MAX_PLATFORMS = 200
MAX_CHOICES = 20  # in a row; the page of the index has them all


@dataclass(frozen=True, slots=True)
class StepRow:
    instruction: str
    comment: str
    created: str
    layer: Descriptor | None
    size: int | None


@dataclass(frozen=True, slots=True)
class ImageView:
    """``problem`` says why the config cannot be shown; then the rest is empty."""

    problem: str = ""
    platform: str = ""
    facts: Sequence[Pair] = ()
    environment: Sequence[Pair] = ()
    labels: Pairs = field(default_factory=Pairs)
    steps: Sequence[StepRow] = ()
    steps_left_out: int = 0
    has_sizes: bool = True


def image_of(repository: Repository, document: ManifestDocument, now: datetime) -> ImageView:
    try:
        config = _config(repository, document, now)
    except (Unreadable, ConfigUnreadable) as error:
        text = str(error).removeprefix("its config cannot be read: ")
        return ImageView(problem=f"The config could not be read, because {shown(text, 300)}.")
    settings = Settings.of(config.document)
    steps = build_steps(config.history, document.layers)
    return ImageView(
        platform=shown(settings.platform, 100),
        facts=_facts(settings),
        environment=[
            Pair(shown(name, 200), shown(value), web_link(value))
            for name, value in settings.environment
        ],
        labels=pairs(labels_in(config.document)),
        steps=[
            StepRow(
                shown(step.instruction),
                shown(step.comment, 200),
                shown(step.created, 40),
                step.layer,
                step.layer.size if step.layer and step.layer.size != UNKNOWN_SIZE else None,
            )
            for step in steps[:MAX_STEPS]
        ],
        steps_left_out=max(0, len(steps) - MAX_STEPS),
        has_sizes=not document.layers or any(step.layer for step in steps),
    )


def _config(repository: Repository, document: ManifestDocument, now: datetime) -> ImageConfig:
    if document.inline_config is not None:
        return ImageConfig.of(document.inline_config)
    if document.config is None:
        raise Unreadable("the manifest names none")
    content = read_whole(repository, document.config, limit_bytes=MAX_CONFIG_BYTES, now=now)
    return ImageConfig.parse(content)


def _facts(settings: Settings) -> list[Pair]:
    facts = (
        ("Entrypoint", settings.entrypoint),
        ("Command", settings.command),
        ("User", settings.user),
        ("Folder", settings.folder),
        ("Ports", ", ".join(settings.ports)),
        ("Volumes", ", ".join(settings.volumes)),
        ("Stop signal", settings.stop_signal),
        ("Health check", settings.health_check),
        ("Created", settings.created),
        ("Author", settings.author),
    )
    return [Pair(name, shown(text)) for name, text in facts if text]


@dataclass(frozen=True, slots=True)
class Platform:
    """One entry of an index. ``about`` is what an attestation beside it speaks of, ``states`` what
    it says; ``title`` is the type of what is a blob and no manifest."""

    digest: str
    platform: str
    kind: str
    title: str
    size: int | None
    is_here: bool
    has_page: bool
    about: str
    states: str


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """An image of an index, by its platform."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Platforms:
    """``count`` is that of all but what speaks of others; ``os`` is the one that all images are
    for, empty when there are several or none."""

    rows: Sequence[Platform]
    left_out: int
    count: int
    attestations: int
    holds_images: bool
    os: str

    @property
    def choices(self) -> list[PlatformChoice]:
        return [
            PlatformChoice(row.platform, row.digest)
            for row in self.rows
            if row.has_page and row.platform and not row.about
        ][:MAX_CHOICES]


def platforms_of(repository: Repository, document: ManifestDocument) -> Platforms:
    """What an index lists: each image, behind it what speaks of it, then all else."""
    listed = document.manifests[:MAX_PLATFORMS]
    rows = Manifest.objects.present().filter(
        repository=repository.id, digest__in={str(one.digest) for one in listed}
    )
    here = {row.digest: row for row in rows.only("digest", "kind", "size")}
    sizes = content_sizes([row.id for row in here.values()])
    blobs = _blobs(repository, listed)
    statements = [str(one.digest) for one in listed if is_about(one) and str(one.digest) in here]
    states = stated_by(repository, statements) if statements else {}
    names = {str(one.digest): _platform_name(one) for one in listed if not is_about(one)}
    images = [one for one in listed if _is_image(one, here.get(str(one.digest)))]
    systems = {str(one.platform.get("os", "")) for one in images}
    return Platforms(
        rows=[
            _platform(one, here.get(str(one.digest)), sizes, blobs, names, states)
            for one in _with_statements(listed)
        ],
        left_out=len(document.manifests) - len(listed),
        count=sum(_stands_for_itself(one, here.get(str(one.digest))) for one in document.manifests),
        attestations=len(statements),
        holds_images=bool(images),
        os=systems.pop() if len(systems) == 1 else "",
    )


def choices_in(repository: Repository, digest: str) -> list[PlatformChoice]:
    """The images of a stored index that have pages, by their platforms. Raises ``Busy``."""
    present = Manifest.objects.present()
    index = present.filter(repository=repository.id, digest=digest).first()
    document = document_in(index) if index else None
    if document is None:
        return []
    images = [
        one
        for one in document.manifests[:MAX_PLATFORMS]
        if one.media_type in MANIFESTS and one.platform and not is_about(one)
    ]
    wanted = {str(one.digest) for one in images}
    rows = present.filter(repository=repository.id, digest__in=wanted)
    here = set(rows.values_list("digest", flat=True))
    return [
        PlatformChoice(_platform_name(one), str(one.digest))
        for one in images
        if str(one.digest) in here
    ][:MAX_CHOICES]


def _with_statements(listed: Sequence[Descriptor]) -> list[Descriptor]:
    beside: dict[str, list[Descriptor]] = {}
    for one in listed:
        if is_about(one):
            beside.setdefault(about(one), []).append(one)
    ordered: list[Descriptor] = []
    for one in listed:
        if not is_about(one):
            ordered += [one, *beside.pop(str(one.digest), [])]
    return [*ordered, *(one for rest in beside.values() for one in rest)]


def _stands_for_itself(one: Descriptor, row: Manifest | None) -> bool:
    return not is_about(one) and (row is None or row.kind not in PROOFS)


def _is_image(one: Descriptor, row: Manifest | None) -> bool:
    """An image, or what may be one because it is not here to be asked."""
    if is_about(one) or one.media_type not in MANIFESTS or one.artifact_type:
        return False
    return row is None or row.kind in (Kind.IMAGE, Kind.INDEX)


def _blobs(repository: Repository, listed: Sequence[Descriptor]) -> Mapping[str, int]:
    """The sizes of those blobs that an index lists, as caches of builds do, and that are here."""
    digests = {str(one.digest) for one in listed if one.media_type not in MANIFESTS}
    if not digests:
        return {}
    links = BlobLink.objects.filter(
        repository=repository.id, blob__in=digests, blob__missing_at=None
    )
    return dict(links.values_list("blob", "blob__size"))


def _platform(
    one: Descriptor,
    row: Manifest | None,
    sizes: Mapping[int, int],
    blobs: Mapping[str, int],
    names: Mapping[str, str],
    states: Mapping[str, str],
) -> Platform:
    digest, subject = str(one.digest), about(one)
    is_blob = one.media_type not in MANIFESTS
    size = sizes.get(row.id) if row else blobs.get(digest)
    return Platform(
        digest=digest,
        platform=_platform_name(one),
        kind="" if is_blob else (row.kind if row else (Kind.ATTESTATION if is_about(one) else "")),
        title=shown(one.media_type, 200) if is_blob else "",
        size=size,
        is_here=row is not None or digest in blobs,
        has_page=row is not None,
        about=names.get(subject) or shown(short_digest(subject), 100) if is_about(one) else "",
        states=states.get(digest, ""),
    )


def _platform_name(one: Descriptor) -> str:
    return shown(platform_name(one.platform), 100)
