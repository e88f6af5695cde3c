"""A name for somebody who has none here yet."""

import re
import unicodedata
from itertools import count
from typing import Final

from accounts.names import RESERVED, is_name
from accounts.users.models import Namespace

LONGEST: Final = 40
_NOT_ALLOWED: Final = re.compile(r"[^a-z0-9]++")


def suggest_name(wanted: str) -> str:
    """A valid name that is free now, as near to ``wanted`` as can be."""
    ascii_only = unicodedata.normalize("NFKD", wanted[:255]).encode("ascii", "ignore").decode()
    stem = _NOT_ALLOWED.sub("-", ascii_only.lower()).strip("-")[:LONGEST].strip("-")
    stem = stem if is_name(stem) else f"user-{stem}".strip("-")
    taken = set(
        Namespace.objects.filter(name__startswith=stem).values_list("name", flat=True)
    ).union(RESERVED)
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(name for name in candidates if name not in taken)
