"""Open a document from outside: the JSON in it, or what it is instead, in words for a person.

A document may be compressed, begin with a byte order mark, or hold several JSON values one after
the other, as JSON Lines do.
"""

import io
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import zstandard

from artifacts.archives.forms import GZIP, is_zstd, unread_form
from artifacts.archives.gunzip import Gunzip, GzipBroken
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, parse_objects, values_in
from artifacts.text import text_of

MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
MAX_IN_ONE_FILE: Final = 100

_ZSTD_WINDOW_BYTES: Final = 8 * 1024 * 1024  # no document here is longer
_HEAD: Final = 8 * 1024
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # which no text holds
# What begins like this, from which byte on, and what it is called.
_FILES = (
    (0, b"PK\x03\x04", "a spreadsheet or another archive"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet or another document of Office"),
    (0, b"%PDF-", "a PDF"),
    (257, b"ustar", "an archive of files"),
)
# Its first field is the version of the specification, as text.
_CYCLONEDX_PROTOBUF = re.compile(rb"\n[\x03\x04](1\.[0-9]{1,2})[\x10-\x1a]")
_CYCLONEDX_NAMESPACE = re.compile(r"http://cyclonedx\.org/schema/bom/([0-9.]{1,10})")
# In this order: the first that is found says what it is.
_FORMS = (
    (re.compile(r"^[ \t]*SPDXVersion:", re.MULTILINE), "SPDX as tags and values"),
    (re.compile(r"^\s*<.*spdx\.org/rdf", re.DOTALL), "SPDX as RDF"),
    (re.compile(r"^(?:@prefix|PREFIX)\s.*spdx\.org/rdf", re.DOTALL | re.MULTILINE), "SPDX as RDF"),
    (re.compile(r"^\s*<(?:.*<)?(?:spdxVersion|SPDXID)>", re.DOTALL), "SPDX as XML"),
    (re.compile(r"^[\"']?(?:spdxVersion|SPDXID)[\"']?:\s", re.MULTILINE), "SPDX as YAML"),
    (re.compile(r"^[\"']?bomFormat[\"']?:\s", re.MULTILINE), "CycloneDX as YAML"),
    (re.compile(r"^\s*<(?:.*<)?SoftwareIdentity\b", re.DOTALL), "a SWID tag as XML"),
    (re.compile(r"^\s*<(?:!DOCTYPE\s+html|html)\b", re.IGNORECASE), "a web page"),
    (re.compile(r"^\s*<"), "XML of a form that is not known here"),
)


class State(StrEnum):
    """What became of a document."""

    SHOWN = "shown"
    KEPT = "kept"  # whole, and of a form that is not shown
    TOO_LARGE = "too large"
    BROKEN = "broken"


class NotShown(ValueError):
    """Why a document is not shown. The message goes on after what the document is called."""

    def __init__(self, state: State, message: str) -> None:
        super().__init__(message)
        self.state = state


def form_not_shown(form: str) -> NotShown:
    return NotShown(State.KEPT, f"is {form}, which is kept and not shown")


def too_large() -> NotShown:
    size = MAX_DOCUMENT_BYTES // 1024**2
    return NotShown(State.TOO_LARGE, f"is larger than {size} MiB, so it is not shown")


def form_of(text: str) -> str:
    """What text that is not JSON is called; empty when it is of no form that is known."""
    head = text[:_HEAD]
    if match := _CYCLONEDX_NAMESPACE.search(head):
        return f"CycloneDX {match[1]} as XML"
    return next((name for pattern, name in _FORMS if pattern.search(head)), "")


def json_objects(content: bytes) -> Sequence[Mapping[str, Any]]:
    """The JSON objects in a file: at least one, and one more than ``MAX_IN_ONE_FILE`` at most.

    Raises ``NotShown``.
    """
    unpacked = _unpacked(content)
    if content and not unpacked:
        raise NotShown(State.BROKEN, "is compressed, and cannot be unpacked")
    for place, beginning, name in _FILES:
        if unpacked.startswith(beginning, place):
            raise form_not_shown(name)
    if form := unread_form(unpacked):
        raise form_not_shown(f"compressed with {form}")
    if match := _CYCLONEDX_PROTOBUF.match(unpacked):
        raise form_not_shown(f"CycloneDX {match[1].decode()} as protobuf")
    text = _text(unpacked)
    if not text.lstrip().startswith(("{", "[")):
        raise _other_form(text)
    if values_in(unpacked) > MAX_SHOWN_VALUES:
        raise NotShown(State.TOO_LARGE, "is made of too many parts to be shown")
    try:
        objects = parse_objects(text, at_most=MAX_IN_ONE_FILE + 1)
    except ManifestInvalid as error:
        raise NotShown(State.BROKEN, _what_is_wrong(error)) from error
    if not objects:
        raise NotShown(State.BROKEN, "is JSON that holds no object")
    return objects


def _unpacked(content: bytes) -> bytes:
    """What comes out of gzip or zstd; anything else as it is."""
    try:
        if content.startswith(GZIP):
            content = _gunzipped(content)
        elif is_zstd(content):
            options = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
            with options.stream_reader(content, read_across_frames=True) as reader:
                content = reader.read(MAX_DOCUMENT_BYTES + 1)
    except (EOFError, OSError, GzipBroken, zstandard.ZstdError) as error:
        raise NotShown(State.BROKEN, "is compressed, and cannot be unpacked") from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise too_large()
    return content


def _gunzipped(content: bytes) -> bytes:
    """One byte more than is read, at most."""
    stream, unpacked = Gunzip(io.BytesIO(content)), bytearray()
    while piece := stream.read(MAX_DOCUMENT_BYTES + 1 - len(unpacked)):
        unpacked += piece
    if len(unpacked) <= MAX_DOCUMENT_BYTES and not stream.is_whole:
        raise GzipBroken("it is cut short")
    return bytes(unpacked)


def _text(content: bytes) -> str:
    try:
        text = text_of(content)
    except UnicodeDecodeError as error:
        if _CONTROL.search(content[:_HEAD]):
            raise NotShown(State.BROKEN, "is neither text nor a known kind of file") from error
        return content.decode("utf-8", "replace")  # an older encoding, which Go reads like this
    if not text.strip("\x00 \t\r\n"):
        raise NotShown(State.BROKEN, "is empty")
    return text


def _other_form(text: str) -> NotShown:
    if form := form_of(text):
        return form_not_shown(form)
    return NotShown(State.BROKEN, "is text of no form that is known here")


def _what_is_wrong(error: ManifestInvalid) -> str:
    cause = error.__cause__
    if isinstance(line := getattr(cause, "lineno", None), int):
        return f"begins as JSON, and cannot be read from line {line} on"
    return "is JSON that can be read in more than one way, or is nested too deeply"
