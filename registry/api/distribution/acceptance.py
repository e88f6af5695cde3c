"""Which manifests a client can read, as far as it is certain.

Most clients take whatever is stored, also what their ``Accept`` does not name. Only one that
names Docker's schema 1, and neither the stored type nor everything, is sure to need another
form; and Docker before 1.10, which sends no ``Accept``.
"""

import re

from rest_framework.request import Request

from artifacts.oci.media_types import SCHEMA1_MANIFESTS, SCHEMA1_SIGNED, essence

_EVERYTHING = frozenset({"*/*", "application/*"})
_NOTHING: frozenset[str] = frozenset()
_BEFORE_SCHEMA2 = re.compile(r"docker/1\.[0-9]\.", re.ASCII)
_REFUSED = re.compile(r";\s*q=0(?:\.0{0,3})?\s*(?:;|\Z)", re.ASCII | re.IGNORECASE)


def types_of_old_client(request: Request) -> frozenset[str]:
    """The only types that a client can read, schema 1 among them; none for all other clients."""
    header = request.META.get("HTTP_ACCEPT", "")
    if not header.strip():
        is_old = _BEFORE_SCHEMA2.match(request.META.get("HTTP_USER_AGENT", ""))
        return frozenset({SCHEMA1_SIGNED}) if is_old else _NOTHING
    types = frozenset(essence(part) for part in header.split(",") if not _REFUSED.search(part))
    if types & _EVERYTHING or not types & SCHEMA1_MANIFESTS:
        return _NOTHING
    return types
