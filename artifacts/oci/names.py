"""Repository names, tags, and the tag-or-digest that ends a manifest URL.

Source: distribution-spec v1.1, "Pulling manifests".
"""

import re
from dataclasses import dataclass
from typing import Self

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestInvalid, NameInvalid

MAX_NAME_LENGTH = 255
MAX_TAG_LENGTH = 128

# Possessive quantifiers: a hostile name must not make the match backtrack.
_COMPONENT = r"[a-z0-9]++(?:(?:\.|__|_|-++)[a-z0-9]++)*+"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*+", re.ASCII)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)


def parse_repository_name(text: str) -> str:
    """Check a name against the spec's grammar and our limit of 255 characters."""
    if len(text) > MAX_NAME_LENGTH:
        raise NameInvalid(f"a repository name has at most {MAX_NAME_LENGTH} characters")
    if not _NAME.fullmatch(text):
        raise NameInvalid(
            f"invalid repository name {text!r}: components of lower-case letters, digits and"
            " single separators (. _ __ -), joined by /",
            name=text,
        )
    return text


def is_name(text: str) -> bool:
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def parse_tag(text: str) -> str:
    if not is_tag(text):
        raise ManifestInvalid(
            f"invalid tag {text[:150]!r}: at most 128 letters, digits, '_', '.' and '-',"
            " not starting with '.' or '-'",
            tag=text[:150],
        )
    return text


@dataclass(frozen=True, slots=True)
class Reference:
    """What a client names a manifest by. Exactly one of the two is set."""

    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        if ":" in text:
            return cls(digest=Digest.parse(text))
        return cls(tag=parse_tag(text))
