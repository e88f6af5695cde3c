"""Lists of files in few bytes."""

from collections.abc import Iterator

import pytest

from artifacts.images.files import LayerFile
from artifacts.images.packed import PackedFiles
from artifacts.images.unpacking import BoundMet, ListingEnds

FILES = [
    LayerFile("etc/passwd", "file", 10**15, 0o644, digest="ab" * 32),
    LayerFile("bin/sh", "link", 0, 0o777, target="../bin/da\nsh"),
    LayerFile('\x01\x1b[2J"],["\u202e\N{GRINNING FACE}\ufffd', "hard link", 0, 0, target="\\"),
]


@pytest.mark.parametrize("count", range(len(FILES) + 1))
def test_a_list_comes_out_as_it_went_in(count: int) -> None:
    packed = PackedFiles.of(FILES[:count])

    assert packed.unpacked().files == FILES[:count]
    assert packed.count == count


@pytest.mark.parametrize("reason", [ListingEnds("it is cut short"), BoundMet("it is long")])
def test_a_list_that_ends_early_is_packed_so_far(reason: ListingEnds) -> None:
    def files() -> Iterator[LayerFile]:
        yield FILES[0]
        raise reason

    listing = PackedFiles.of(files()).unpacked()

    assert (listing.files, listing.problem) == (FILES[:1], str(reason))
    assert listing.is_cut == isinstance(reason, BoundMet)
