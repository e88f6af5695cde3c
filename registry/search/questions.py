"""What somebody typed into the search field, taken apart."""

import re
from dataclasses import dataclass

from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid
from artifacts.oci.names import is_tag

MAX_LENGTH = 300
MIN_DIGEST_LENGTH = 12  # hexadecimal digits

_DIGEST = re.compile(rf"(?:(sha256|sha512):)?([0-9a-f]{{{MIN_DIGEST_LENGTH},128}})", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._/+-]*", re.ASCII)
_VERSIONED = re.compile(r"([a-z0-9][a-z0-9._-]*?)[ -]v?([0-9][0-9A-Za-z.+_-]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """Each part is empty where the text cannot mean it.

    ``name`` is the beginning of a word in a repository's name; ``repository`` and ``tag`` are
    the sides of ``repository:tag``; ``chart`` and ``version`` those of ``chart 1.2`` or
    ``chart-1.2``. ``digest`` is a whole one, or the beginning of one.
    """

    text: str
    name: str = ""
    tag: str = ""
    repository: str = ""
    chart: str = ""
    version: str = ""
    digest: str = ""

    @classmethod
    def read(cls, text: str) -> "Question":
        text = text.strip()[:MAX_LENGTH]
        if match := _DIGEST.fullmatch(text.lower()):
            digest = f"{match[1] or 'sha256'}:{match[2]}"
            return cls(text, digest=digest, **_words(text))
        left, separator, right = text.rpartition(":")
        if separator and _NAME.fullmatch(left.lower()) and is_tag(right):
            return cls(text, repository=left.lower(), tag=right)
        return cls(text, **_words(text))

    @property
    def is_whole_digest(self) -> bool:
        try:
            return bool(Digest.parse(self.digest))
        except DigestInvalid:
            return False


def _words(text: str) -> dict[str, str]:
    lower = text.lower()
    words = {"tag": text} if is_tag(text) else {}
    if _NAME.fullmatch(lower):
        words |= {"name": lower, "chart": lower}
    if match := _VERSIONED.fullmatch(lower):
        words |= {"chart": match[1], "version": text[-len(match[2]) :]}
    return words
