"""Files of layers, honest and otherwise."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from artifacts.archives.tar import MAX_HEADER_BYTES, MAX_NAME_BYTES, PIECE_BYTES
from artifacts.images.files import (
    MAX_NAMES_BYTES,
    Bounds,
    LayerFile,
    Patience,
    contents_of,
    list_files,
)
from artifacts.images.unpacking import MAX_WINDOW_BYTES, ListingEnds

MAX_MEMORY_BYTES = 100 * 1000**2
# Lists the layer at the path, and tells what came of it and the bytes that the process grew by.
LISTING = """
import json, re, sys
from pathlib import Path
from artifacts.images.files import Patience, list_files

patience = Patience(max_cpu_seconds=60, max_seconds=60)

def peak() -> int:
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

before = peak()
with open(sys.argv[1], "rb") as layer:
    listing = list_files(iter(lambda: layer.read(65536), b""), patience=patience)
print(json.dumps([listing.problem, peak() - before]))
"""


def tar(*members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return buffer.getvalue()


def file(name: str, size: int = 5, **changed: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    for key, value in changed.items():
        setattr(member, key, value)
    return member


def paths(content: bytes | Iterable[bytes]) -> list[str]:
    pieces = [content] if isinstance(content, bytes) else content
    return [one.path for one in list_files(pieces).files]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_layer_is_read_as_it_is_and_compressed(pack: object) -> None:
    content = pack(tar(file("etc/passwd"), file("./bin/sh", 3)))  # type: ignore[operator]

    listing = list_files([content[:10], content[10:]])

    assert listing.files == [
        LayerFile("etc/passwd", "file", 5, 0o644, digest=sha256(b"xxxxx").hexdigest()),
        LayerFile("bin/sh", "file", 3, 0o644, digest=sha256(b"xxx").hexdigest()),
    ]
    assert listing.problem == ""


def test_folders_links_and_devices_have_no_size() -> None:
    members = [
        file("d", 0, type=tarfile.DIRTYPE),
        file("l", 0, type=tarfile.SYMTYPE, linkname="../../etc/shadow"),
        file("h", 0, type=tarfile.LNKTYPE, linkname="d/x"),
        file("c", 0, type=tarfile.CHRTYPE),
        file("p", 0, type=tarfile.FIFOTYPE),
    ]

    found = list_files([tar(*members)]).files

    assert [(one.kind, one.target) for one in found] == [
        ("folder", ""),
        ("link", "../../etc/shadow"),
        ("hard link", "d/x"),
        ("device", ""),
        ("pipe", ""),
    ]


def test_whiteouts_say_what_they_take_away() -> None:
    found = list_files([tar(file("opt/.wh.old", 0), file("var/.wh..wh..opq", 0), file("a"))]).files

    assert [one.is_whiteout for one in found] == [True, True, False]
    assert [one.is_opaque for one in found] == [False, True, False]
    assert [one.removed for one in found[:2]] == ["opt/old", "var"]


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", ".wh..wh.plnk"])
def test_a_whiteout_of_no_name_takes_nothing_away(name: str) -> None:
    assert LayerFile(f"opt/{name}", "file", 0, 0o644).removed == ""


def test_what_was_not_read_to_its_end_has_no_digest() -> None:
    (found,) = list_files([tar(file("a", 5000))[:1600]]).files

    assert found.digest == ""


def test_contents_are_read_by_their_places_in_the_list() -> None:
    content = tar(file("a", 2), file("b", 70_000), file("c", 3), file("d"))

    found = {number: b"".join(pieces) for number, pieces in contents_of([content], {1, 2})}

    assert found == {1: b"x" * 70_000, 2: b"xxx"}


def test_what_was_not_read_of_one_content_is_passed_over() -> None:
    content = tar(file("a", 70_000), file("b", 3))

    found = [(number, len(next(pieces))) for number, pieces in contents_of([content], {0, 1})]

    assert found == [(0, PIECE_BYTES), (1, 3)]


@pytest.mark.parametrize("number", [1, 5])
def test_content_that_is_not_there_says_so(number: int) -> None:
    content = tar(file("a", 2), file("b", 5000))

    with pytest.raises(ListingEnds, match="cut short"):
        _ = [b"".join(pieces) for _, pieces in contents_of([content[:2000]], {number})]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_read_whole(form: int) -> None:
    name, target = "n" * 400, "t" * 300

    found = list_files(
        [tar(file(name), file("l", 0, type=tarfile.SYMTYPE, linkname=target), form=form)]
    ).files

    assert found[0].path == name
    assert found[1].target == target


def test_names_that_lead_out_are_shown_as_they_are() -> None:
    assert paths(tar(file("../../etc/passwd"), file("/root/x"))) == ["../../etc/passwd", "/root/x"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"hello", "it is cut short"),
        (b"x" * 1024, "it is not a tar archive"),
        (gzip.compress(b"y" * 1024), "it is not a tar archive"),
        (b"\x1f\x8b" + b"z" * 600, "its compression is broken"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 600, "its compression is broken"),
    ],
    ids=["text", "letters", "gzipped letters", "broken gzip", "broken zstd"],
)
def test_what_is_no_layer_says_why(content: bytes, problem: str) -> None:
    listing = list_files([content])

    assert listing.files == []
    assert listing.problem == problem


def test_what_came_before_a_problem_is_kept() -> None:
    content = gzip.compress(tar(file("a"), file("b", 5000)))

    listing = list_files([content[: len(content) // 2]])

    assert listing.problem
    assert paths([tar(file("a"), file("b", 5000))[:1600]]) == ["a", "b"]


def test_a_bomb_ends_the_list() -> None:
    bomb = gzip.compress(tar(file("zeros", 8 * 1024 * 1024), file("after")))

    listing = list_files([bomb], bounds=Bounds(unpacked_bytes=1024 * 1024))

    assert [one.path for one in listing.files] == ["zeros"]
    assert listing.problem == "it unpacks to more than 1 MiB"


def test_too_many_files_end_the_list() -> None:
    listing = list_files([tar(*(file(str(i), 0) for i in range(5)))], bounds=Bounds(files=3))

    assert len(listing.files) == 3
    assert listing.problem == "it has more than 3 entries"


@pytest.mark.parametrize(
    "bounds", [Bounds(files=1), Bounds(unpacked_bytes=1), Bounds(names_bytes=1)]
)
def test_a_list_that_ends_for_its_length_could_be_longer(bounds: Bounds) -> None:
    assert list_files([tar(file("a"), file("b"))], bounds=bounds).is_cut


def test_a_list_that_ends_for_what_the_layer_is_could_not() -> None:
    assert not list_files([tar(file("a"), file("b"))[:1600]]).is_cut


def test_reading_ends_in_time_though_nothing_comes_out() -> None:
    """Empty gzip members go on for ever, and not one byte comes out of them."""
    moments = iter(range(10_000))

    listing = list_files(
        _endless(gzip.compress(b"")),
        patience=Patience(max_seconds=100, clock=lambda: float(next(moments))),
    )

    assert listing.problem == "it takes too long to read"


def test_reading_takes_so_much_of_the_processor_and_no_more() -> None:
    moments = iter(range(10_000))

    listing = list_files(
        [tar(*(file(str(i), 0) for i in range(50)))],
        patience=Patience(max_cpu_seconds=20, cpu_clock=lambda: float(next(moments))),
    )

    assert 0 < len(listing.files) < 50
    assert listing.problem == "it takes too long to read"


@pytest.mark.parametrize("size", [MAX_NAME_BYTES + 1, MAX_HEADER_BYTES + 1])
@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_name_that_never_ends_is_refused(kind: bytes, size: int) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = kind, size

    listing = list_files([header.tobuf(tarfile.GNU_FORMAT), b"n" * 100_000])

    assert listing.problem == "it holds a name that is too long"


@pytest.mark.parametrize("key", ["path", "linkpath"])
def test_a_pax_header_says_no_longer_name_either(key: str) -> None:
    long = tar(file("a", pax_headers={key: "n" * (MAX_NAME_BYTES + 1)}))

    assert list_files([long]).problem == "it holds a name that is too long"


def test_all_names_together_have_room_for_so_much() -> None:
    """With one character that takes four bytes all others in a name take four."""
    name = "\N{GRINNING FACE}" + "n" * (MAX_NAME_BYTES - 100)
    members = (file(f"{name}{i}", 0, type=tarfile.SYMTYPE, linkname=name) for i in range(1500))

    listing = list_files([tar(*members)])

    held = sum(len((one.path + one.target).encode()) for one in listing.files)
    assert MAX_NAMES_BYTES - 2 * MAX_NAME_BYTES < held <= MAX_NAMES_BYTES
    assert listing.problem == "its names take more than 4 MiB"


def test_a_layer_takes_less_than_a_hundred_megabytes_whatever_is_in_it(tmp_path: Path) -> None:
    """A window that is filled, and then as many names as there may be, of the widest characters."""
    name = "\N{GRINNING FACE}" + "n" * 400
    members = (file(f"{name}{i}", 0) for i in range(12_000))
    content = tar(file("fill", MAX_WINDOW_BYTES + 1), *members, form=tarfile.GNU_FORMAT)
    window = zstandard.ZstdCompressionParameters(
        window_log=MAX_WINDOW_BYTES.bit_length() - 1, hash_log=17, chain_log=17, enable_ldm=True
    )
    packer = zstandard.ZstdCompressor(compression_params=window).compressobj()
    layer = tmp_path / "layer"
    layer.write_bytes(packer.compress(content) + packer.flush())

    problem, grown = json.loads(
        subprocess.check_output(
            [sys.executable, "-c", LISTING, layer], cwd=Path(__file__).parents[3], timeout=120
        )
    )

    assert problem == "its names take more than 4 MiB"  # both were filled
    assert MAX_WINDOW_BYTES < grown < MAX_MEMORY_BYTES


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (b"nonsense", "it has a pax header that cannot be read"),
        (b"13 size=-500\n", "it states a size that is no number"),
        (b"26 GNU.sparse.realsize=-1\n", "it states a size that is no number"),
    ],
)
def test_pax_headers_may_lie(records: bytes, problem: str) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    content = header.tobuf() + records.ljust(512, b"\x00") + tar(file("a"))

    assert list_files([content]).problem == problem


def _endless(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece
