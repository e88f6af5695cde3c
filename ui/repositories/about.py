"""What those who built it say of a repository: in the annotations and labels of its newest version.

Nothing is read from the store: what a push said of itself is kept with its row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, F, Q, TextField, Value, When
from django.db.models.functions import Length

from artifacts.oci.media_types import INDEXES
from artifacts.text import kept_json
from registry.manifests.models import LISTED_BYTES, Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from ui.display.text import shown, web_link

MAX_LENGTH: Final = 1000
MOST_VERSIONS: Final = 50  # that are looked through for a release
_RELEASE_END: Final = "~"  # of a key; that of a pre-release ends otherwise

# What each is called: by the image-spec, and before it by Label Schema.
_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "title": ("org.opencontainers.image.title", "org.label-schema.name"),
    "description": ("org.opencontainers.image.description", "org.label-schema.description"),
    "licence": ("org.opencontainers.image.licenses", "org.label-schema.license"),
    "source": ("org.opencontainers.image.source", "org.label-schema.vcs-url"),
    "revision": ("org.opencontainers.image.revision", "org.label-schema.vcs-ref"),
    "documentation": ("org.opencontainers.image.documentation", "org.label-schema.usage"),
    "homepage": ("org.opencontainers.image.url", "org.label-schema.url"),
    "vendor": ("org.opencontainers.image.vendor", "org.label-schema.vendor"),
}
_FACTS: Final = (
    ("Licence", "licence"),
    ("Source", "source"),
    ("Revision", "revision"),
    ("Documentation", "documentation"),
    ("Homepage", "homepage"),
    ("Vendor", "vendor"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class About:
    """What the version under ``tag`` says; a text is empty where it says nothing."""

    tag: str
    title: str = ""
    description: str = ""
    facts: Sequence[Fact] = ()

    def __bool__(self) -> bool:
        return bool(self.title or self.description or self.facts)


def about(repository: Repository, tag: Tag, *, now: datetime) -> About:
    """What the highest release says of itself, or else the highest version, or else ``tag``."""
    name, manifest, media_type = _newest_version(repository, now) or (
        tag.name,
        tag.manifest_id,
        tag.manifest.media_type,
    )
    texts = _texts_of(Q(pk=manifest))
    if not texts and media_type in INDEXES:  # of which builders often tell in the images alone
        texts = _texts_of(
            Q(digest__in=_listed(manifest), repository=repository.pk, deleted_at=None)
        )
    facts = [
        Fact(title, shown(texts[key], MAX_LENGTH), web_link(texts[key]))
        for title, key in _FACTS
        if key in texts
    ]
    title, description = (shown(texts.get(key, ""), MAX_LENGTH) for key in ("title", "description"))
    return About(name, title, description, facts)


def _newest_version(repository: Repository, now: datetime) -> tuple[str, int, str] | None:
    alive = Tag.objects.alive(now).filter(repository=repository.pk, sort_key__gt="")
    rows = alive.companions(False).order_by("-sort_key", "-name")
    columns = ("sort_key", "name", "manifest_id", "manifest__media_type")
    versions = list(rows.values_list(*columns)[:MOST_VERSIONS])
    releases = (row for row in versions if row[0].endswith(_RELEASE_END))
    newest = next(releases, versions[0] if versions else None)
    return newest[1:] if newest else None


def _listed(index: int) -> Any:
    return Manifest.objects.filter(pk=index).values("children__child_digest")


def _texts_of(which: Q) -> Mapping[str, str]:
    """What the first such manifest that says anything says. Texts that are too long for a page to
    read are passed over."""
    rows = Manifest.objects.filter(which).alias(
        labels_length=Length("labels_json"), words_length=Length("annotations_json")
    )
    rows = rows.annotate(
        labels_told=_brief("labels_json", Q(labels_length__lte=LISTED_BYTES)),
        words_told=_brief("annotations_json", Q(words_length__lte=LISTED_BYTES)),
    )
    for labels, words in rows.order_by("pk").values_list("labels_told", "words_told")[:5]:
        pairs = {**kept_json(labels), **kept_json(words)}
        if texts := _texts_by_name(pairs):
            return texts
    return {}


def _brief(column: str, fits: Q) -> Case:
    return Case(When(fits, then=F(column)), default=Value("{}"), output_field=TextField())


def _texts_by_name(pairs: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for name, keys in _KEYS.items():
        values = (str(pairs[key]).strip() for key in keys if key in pairs)
        if text := next(filter(None, values), ""):
            texts[name] = text
    return texts
