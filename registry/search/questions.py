"""What somebody typed into the search field, taken apart."""

import re
from dataclasses import dataclass

from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid
from artifacts.oci.names import is_tag
from artifacts.text import clean

MAX_LENGTH = 300
MAX_WORDS = 8
MIN_DIGEST_LENGTH = 12  # hexadecimal digits

_DIGEST = re.compile(rf"(?:(sha256|sha512):)?([0-9a-f]{{{MIN_DIGEST_LENGTH},128}})", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._/+-]*", re.ASCII)
_SCHEME = re.compile(r"(?:https?|oci|docker)://", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_COMMAND = re.compile(
    r"(?:[$#] )?(?:sudo )?(?:docker|podman|nerdctl|skopeo|crane|regctl|oras|helm|cosign)\s",
    re.ASCII,
)
_VERSION_OPTION = re.compile(r"(\S+)\s+--version[= ]v?(\S+)", re.ASCII)
_PAGE = re.compile(r"(\S+?)/-/(?:tags/|manifests/)?(\S*)", re.ASCII)
_VERSIONED = re.compile(r"([a-z0-9][a-z0-9._-]*?)[ -]v?([0-9][0-9A-Za-z.+_-]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """Each part is empty where the text cannot mean it.

    ``name`` is the beginning of a word in a repository's name; ``repository`` and ``tag`` are
    the sides of ``repository:tag``, ``repository`` and ``digest`` those of ``repository@digest``;
    ``chart`` and ``version`` those of ``chart 1.2`` or ``chart-1.2``. ``digest`` is a whole one,
    or the beginning of one. ``words`` may stand anywhere in what things are called and say.
    """

    text: str
    words: tuple[str, ...] = ()
    name: str = ""
    tag: str = ""
    repository: str = ""
    chart: str = ""
    version: str = ""
    digest: str = ""

    @classmethod
    def read(cls, text: str, *, host: str = "") -> "Question":
        """``host`` is how this registry is called in what people paste."""
        text = clean(text.replace("\x00", "")).strip()[:MAX_LENGTH]
        parts = _parts(_reference(text, host))
        words = parts.get("repository") or ("" if "digest" in parts else text.lower())
        return cls(text, tuple(words.split()[:MAX_WORDS]), **parts)

    @property
    def is_whole_digest(self) -> bool:
        try:
            return bool(Digest.parse(self.digest))
        except DigestInvalid:
            return False


def _reference(text: str, host: str) -> str:
    """What somebody pasted, as ``name``, ``name:tag``, ``name@digest`` or whatever else it is."""
    if _COMMAND.match(text):
        text = _argument(text)
    if match := _VERSION_OPTION.fullmatch(text):
        text = f"{match[1]}:{match[2].replace('+', '_')}"
    rest = _SCHEME.sub("", text, count=1)
    has_scheme = rest != text
    first, slash, path = rest.partition("/")
    if slash and (first.lower() == host.lower() or _is_host(first, has_scheme)):
        rest = path
    rest = rest.rstrip("/") if has_scheme else rest
    match = _PAGE.fullmatch(rest) if "/-/" in rest else None
    if match is None:
        return rest
    name, about = match.groups()
    if _DIGEST.fullmatch(about):
        return f"{name}@{about}"
    return f"{name}:{about}" if is_tag(about) and "/tags/" in rest else name


def _argument(command: str) -> str:
    """What a command line is about, with the version that follows it; else the whole line."""
    words = command.split()
    for number, word in enumerate(words):
        if "/" in word and not word.startswith(("-", "/", ".", "~")):
            has_version = words[number + 1 : number + 2] == ["--version"]
            return " ".join(words[number : number + 3]) if has_version else word
    return command


def _is_host(first: str, has_scheme: bool) -> bool:
    """Whether what stands before the first slash can be no organization."""
    return bool(_HOST.fullmatch(first)) and (has_scheme or ":" in first or first == "localhost")


def _parts(text: str) -> dict[str, str]:
    name, at, digest = text.rpartition("@")
    if match := _DIGEST.fullmatch(digest.lower()):
        terms = {"digest": f"{match[1] or 'sha256'}:{match[2]}"}
        if not at:
            return terms | _words(text)
        name = name.partition(":")[0].lower()  # name:tag@digest: the digest counts
        return terms | ({"repository": name} if _NAME.fullmatch(name) else {})
    left, separator, right = text.rpartition(":")
    if separator and _NAME.fullmatch(left.lower()) and is_tag(right):
        return {"repository": left.lower(), "tag": right}
    return _words(text)


def _words(text: str) -> dict[str, str]:
    lower = text.lower()
    words = {"tag": text} if is_tag(text) else {}
    if _NAME.fullmatch(lower):
        words |= {"name": lower, "chart": lower}
    if match := _VERSIONED.fullmatch(lower):
        words |= {"chart": match[1], "version": text[-len(match[2]) :]}
    return words
