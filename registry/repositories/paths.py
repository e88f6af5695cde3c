"""From the name in a request to the path of a repository."""

import re
from collections.abc import Sequence

from django.conf import settings

from artifacts.oci.errors import NameInvalid
from artifacts.oci.names import MAX_NAME_LENGTH, parse_repository_name

_WORD = re.compile(r"[a-z0-9]+")


def repository_path(name: str) -> str:
    """``name`` with its namespace: ``web`` alone is ``library/web`` (``LIBRARY_NAMESPACE``).

    Raises ``NameInvalid`` when it is no repository name.
    """
    parse_repository_name(name)
    if "/" in name:
        return name
    if not settings.BERTH.FEATURE_LIBRARY_SUPPORT:
        raise NameInvalid(f"name the organization too: ORGANIZATION/{name}", name=name)
    path = f"{settings.BERTH.LIBRARY_NAMESPACE}/{name}"
    if len(path) > MAX_NAME_LENGTH:
        raise NameInvalid(f"a repository name has at most {MAX_NAME_LENGTH} characters")
    return path


def split_path(path: str) -> tuple[str, str]:
    """The namespace's name and the repository's name in it."""
    namespace, _, name = path.partition("/")
    return namespace, name


def name_parts(path: str) -> Sequence[str]:
    """``path`` from each of its words on: ``acme/web-app``, ``web-app`` and ``app``."""
    return [path[match.start() :] for match in _WORD.finditer(path)]
