"""Which manifests a client can read, as far as it is certain.

Most clients take whatever is stored, also what their ``Accept`` does not name. Sure to need
another form are those that name Docker's schema 1, and neither the stored type nor everything;
Docker before 1.10, which sends no ``Accept``; and those that name schema 2 and no list.
"""

import re
from collections.abc import Set

from rest_framework.request import Request

from artifacts.oci.media_types import (
    DOCKER_MANIFEST,
    INDEXES,
    SCHEMA1_MANIFESTS,
    SCHEMA1_SIGNED,
    essence,
)

_EVERYTHING = frozenset({"*/*", "application/*"})
_NOTHING: frozenset[str] = frozenset()
_BEFORE_SCHEMA2 = re.compile(r"docker/1\.[0-9]\.", re.ASCII)
_REFUSED = re.compile(r";\s*q=0(?:\.0{0,3})?\s*(?:;|\Z)", re.ASCII | re.IGNORECASE)


def types_taken(request: Request) -> frozenset[str]:
    """The types that a client names; none when it says nothing, or takes everything."""
    header = request.META.get("HTTP_ACCEPT", "")
    if not header.strip():
        is_old = _BEFORE_SCHEMA2.match(request.META.get("HTTP_USER_AGENT", ""))
        return frozenset({SCHEMA1_SIGNED}) if is_old else _NOTHING
    types = frozenset(essence(part) for part in header.split(",") if not _REFUSED.search(part))
    return _NOTHING if types & _EVERYTHING else types


def takes_schema1(types: Set[str]) -> bool:
    return bool(types & SCHEMA1_MANIFESTS)


def takes_only_images(types: Set[str]) -> bool:
    """Whether a client reads Docker's images and cannot choose one from a list."""
    return DOCKER_MANIFEST in types and not types & INDEXES
