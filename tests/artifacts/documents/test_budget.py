"""Documents whose cost lies in something else than their length."""

import gzip

import pytest
import zstandard

from artifacts.documents.opening import MAX_DOCUMENT_BYTES, NotShown, State, form_of, json_objects
from artifacts.images.config import ConfigUnreadable, ImageConfig
from artifacts.oci.strict_json import MAX_SHOWN_VALUES


@pytest.mark.parametrize("part", [b"{},", b"[],", b"[[]],", b'{"a":0},', b'"",', b"1,"])
def test_a_document_of_too_many_parts_is_not_read(part: bytes) -> None:
    document = b'{"history":[' + part * MAX_SHOWN_VALUES + b"0]}"

    with pytest.raises(NotShown, match="too many parts") as caught:
        json_objects(document)
    assert caught.value.state == State.TOO_LARGE
    with pytest.raises(ConfigUnreadable, match="too many parts"):
        ImageConfig.parse(document)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_unpacks_to_more_is_not_read(pack: object) -> None:
    packed = pack(b" " * (MAX_DOCUMENT_BYTES + 1))  # type: ignore[operator]

    with pytest.raises(NotShown) as caught:
        json_objects(packed)
    assert caught.value.state == State.TOO_LARGE


def test_gzip_that_packs_nothing_is_broken() -> None:
    with pytest.raises(NotShown, match="cannot be unpacked"):
        json_objects(gzip.compress(b"", mtime=0) * 200_000)


@pytest.mark.parametrize("text", ["\n", " ", "<", "@prefix \n", "'", "\n<", "bomFormat", "\t"])
def test_the_form_of_a_text_is_told_by_its_beginning(text: str) -> None:
    assert isinstance(form_of(text * 4_000_000), str)
