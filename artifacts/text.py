"""Where text from outside becomes ours.

JSON, YAML, archives and arguments can hold what is no text: half of a pair of surrogates, which
UTF-8 cannot write, and NUL, which PostgreSQL does not keep. Whoever reads such a form passes
what it says through here, so that everybody behind may store, show and send it. The bytes of
manifests and blobs stay what was pushed.
"""

import json
import re
from typing import Any, Final

REPLACEMENT: Final = "\ufffd"

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_ESCAPE_OF_SUCH = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def clean(text: str) -> str:
    """``text`` with a replacement character for each that is none, as Go reads it."""
    return _NOT_TEXT.sub(REPLACEMENT, text)


def cleaned(value: Any) -> Any:
    """What JSON or YAML says, with all its text clean, keys included."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {cleaned(key): cleaned(item) for key, item in value.items()}
        case list():
            return [cleaned(item) for item in value]
    return value


def decoded(content: bytes) -> str:
    """What bytes say that are meant to be UTF-8."""
    return clean(content.decode("utf-8", "replace"))


def folded(name: str) -> str:
    """A name as Go's readers of JSON compare them: two letters beyond ASCII are others of its."""
    return name.lower().replace("\u017f", "s")


def text_of(content: bytes) -> str:
    """The text of a file, without its byte order mark: UTF-8, or UTF-16 or UTF-32 in either order.

    Tools of Microsoft begin files with such a mark, and write UTF-16 where a shell redirects. Where
    it is missing, the zeros among the first four bytes tell (RFC 4627, section 3).

    Raises ``UnicodeDecodeError``.
    """
    encoding = json.detect_encoding(content[:4])
    return content.decode(encoding.removesuffix("-sig")).removeprefix("\ufeff")


def may_need_cleaning(json_text: str) -> bool:
    """Whether JSON may spell what is no text: the walk through all it says costs more."""
    return _ESCAPE_OF_SUCH.search(json_text) is not None


def kept_json(text: str) -> Any:
    """What a row keeps as JSON. Older versions kept what came as it was."""
    value = json.loads(text)
    return cleaned(value) if may_need_cleaning(text) else value
