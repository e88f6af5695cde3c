"""What a manifest asks for the tags that point at it: when they expire, whether they may move.

The keys are Quay's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from artifacts.oci.lifetimes import LifetimeInvalid, parse_lifetime, shortened

EXPIRES_AFTER: Final = "quay.expires-after"
IMMUTABLE: Final = "quay.immutable"


class ExpirySource(StrEnum):
    NONE = ""
    ANNOTATION = "annotation"
    LABEL = "label"
    IMAGES = "images of the index"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class TagTerms:
    """What a push asks for its tags; ``lifetime`` is ``None`` when they do not expire.

    ``warnings`` are sentences about what was asked and cannot be granted.
    """

    lifetime: timedelta | None = None
    source: ExpirySource = ExpirySource.NONE
    is_immutable: bool = False
    warnings: tuple[str, ...] = ()


def terms_of(
    annotations: Mapping[str, str],
    labels: Mapping[str, str],
    *,
    label_source: ExpirySource = ExpirySource.LABEL,
) -> TagTerms:
    """What a manifest's annotations and its image's labels ask for; an annotation wins."""
    warnings: list[str] = []
    values = {**labels, **annotations}
    lifetime, source = None, ExpirySource.NONE
    if EXPIRES_AFTER in values:
        try:
            # No time at all stands for no expiry, so that an annotation can lift a label.
            lifetime = parse_lifetime(values[EXPIRES_AFTER]) or None
        except LifetimeInvalid as error:
            warnings.append(f"{EXPIRES_AFTER}: {error}; the tag does not expire")
    if lifetime:
        source = ExpirySource.ANNOTATION if EXPIRES_AFTER in annotations else label_source
    word = values.get(IMMUTABLE, "false").strip().lower()
    if word not in {"true", "false"}:
        warnings.append(
            f"{IMMUTABLE}: {shortened(values[IMMUTABLE])} is neither true nor false;"
            " the tag is not immutable"
        )
    return TagTerms(lifetime, source, word == "true", tuple(warnings))


def agreed_labels(images: Iterable[Mapping[str, str]]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """What all images of an index ask for alike, and warnings about what only some do.

    Args:
        images: what each image asks for, annotations laid over labels; empty for one
            that is not here.
    """
    label_sets = list(images)
    agreed: dict[str, str] = {}
    warnings: list[str] = []
    for key in (EXPIRES_AFTER, IMMUTABLE):
        values = {image.get(key) for image in label_sets}
        if len(values) == 1 and (value := values.pop()) is not None:
            agreed[key] = value
        elif len(values) > 1:
            warnings.append(
                f"{key}: the images of the index do not all say the same, so it does not count;"
                " annotate the index itself"
            )
    return agreed, tuple(warnings)
