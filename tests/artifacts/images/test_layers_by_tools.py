"""Layers as the tools themselves write them: tar in all its formats, zstd, gzip and the rest."""

import gzip
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import zstandard

from artifacts.images.files import LayerFiles, list_files

BLOCK = 512
SKIPPABLE = struct.pack("<II", 0x184D2A50, 5) + b"hello"
LONG = "long/" + "n" * 200


def run(*command: str | Path, stdin: bytes = b"") -> bytes:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(
        [str(part) for part in command], input=stdin, capture_output=True, check=True, timeout=60
    ).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a bit of everything."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root\n")
    (tmp_path / "etc" / "link").symlink_to("passwd")
    (tmp_path / "etc" / "other").hardlink_to(tmp_path / "etc" / "passwd")
    (tmp_path / ".wh.gone").touch()
    return tmp_path


def tar(root: Path, *options: str) -> bytes:
    return run("tar", "-C", root, "--sort=name", *options, "-cf", "-", ".")


def listed(content: bytes) -> LayerFiles:
    return list_files([content])


def paths(content: bytes) -> list[str]:
    listing = listed(content)
    assert listing.problem == ""
    return [one.path for one in listing.files]


EVERYTHING = [".", ".wh.gone", "etc", "etc/link", "etc/other", "etc/passwd"]


@pytest.mark.parametrize("form", ["v7", "ustar", "oldgnu", "gnu", "posix"])
def test_every_format_of_tar_is_read(root: Path, form: str) -> None:
    assert paths(tar(root, f"--format={form}")) == EVERYTHING


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_long_names_and_large_numbers_are_read(tmp_path: Path, form: str) -> None:
    (tmp_path / "long").mkdir()
    (tmp_path / LONG).write_bytes(b"x")

    content = tar(tmp_path, f"--format={form}", "--owner=big:4000000000", "--mtime=@9999999999")

    assert paths(content) == [".", "long", LONG]


def test_a_global_header_of_pax_is_about_no_file(root: Path) -> None:
    content = tar(root, "--format=posix", "--pax-option=globexthdr.name=g,comment=commit")

    assert paths(content) == EVERYTHING


@pytest.mark.parametrize(
    "options",
    [
        ("--format=oldgnu",),
        ("--format=gnu",),
        ("--format=posix", "--sparse-version=0.0"),
        ("--format=posix", "--sparse-version=0.1"),
        ("--format=posix", "--sparse-version=1.0"),
    ],
    ids=" ".join,
)
def test_files_with_holes_have_their_name_and_their_whole_size(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with (tmp_path / "disk").open("wb") as disk:
        for part in range(30):  # so many that their map goes on behind the header
            disk.seek(part * 1024 * 1024)
            disk.write(b"data")
        disk.truncate(100 * 1024 * 1024)
    (tmp_path / "later").write_bytes(b"x")

    listing = listed(tar(tmp_path, "--sparse", *options))

    assert listing.problem == ""
    assert [(one.path, one.size) for one in listing.files if one.kind == "file"] == [
        ("disk", 100 * 1024 * 1024),
        ("later", 1),
    ]


def zstd(*options: str, content: bytes) -> bytes:
    return run("zstd", "-q", "-c", *options, stdin=content)


@pytest.mark.parametrize(
    "options", [("-1",), ("--ultra", "-20"), ("--long=26",), ("--no-check",)], ids=str
)
def test_what_zstd_writes_is_read(root: Path, options: tuple[str, ...]) -> None:
    assert paths(zstd(*options, content=tar(root))) == EVERYTHING


@pytest.mark.parametrize(
    "options", [("--ultra", "-22"), ("--long=27",), ("--long=28",), ("--long=31",)], ids=str
)
def test_a_window_that_is_too_large_is_told(root: Path, options: tuple[str, ...]) -> None:
    # Without a known size, zstd announces the whole window.
    listing = listed(zstd(*options, content=tar(root)))

    assert listing.problem == "it is compressed with zstd over a window of more than 64 MiB"


def test_skippable_frames_may_stand_anywhere(root: Path) -> None:
    content = tar(root)
    half = len(content) // 2
    first, second = (zstandard.compress(part) for part in (content[:half], content[half:]))

    for packed in (
        SKIPPABLE + first + second,
        SKIPPABLE + SKIPPABLE + first + SKIPPABLE + second,
        first + SKIPPABLE + second + SKIPPABLE,
    ):
        assert paths(packed) == EVERYTHING


def test_members_of_gzip_follow_each_other_even_empty_ones(root: Path) -> None:
    content = tar(root)
    half = len(content) // 2

    packed = b"".join(map(gzip.compress, (content[:half], b"", content[half:], b"")))

    assert paths(packed) == EVERYTHING


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"]
)
@pytest.mark.parametrize("blocks", [0, 1])
def test_a_tar_without_its_end_is_whole_where_its_compression_is(
    root: Path, pack: object, blocks: int
) -> None:
    ended = tar(root)
    content = ended.rstrip(b"\0")
    content = content.ljust(-(-len(content) // BLOCK) * BLOCK + blocks * BLOCK, b"\0")

    assert paths(pack(content)) == EVERYTHING  # type: ignore[operator]


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"]
)
@pytest.mark.parametrize("content", [b"", b"\0" * 1024, b"\0" * 10240])
def test_an_empty_layer_is_empty(pack: object, content: bytes) -> None:
    assert paths(pack(content)) == []  # type: ignore[operator]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_layer_that_is_cut_in_its_compression_is_cut_short(root: Path, pack: object) -> None:
    packed = pack(tar(root))  # type: ignore[operator]

    assert listed(packed[: len(packed) // 2]).problem == "it is cut short"


@pytest.mark.parametrize(
    ("tool", "form"), [("xz", "xz"), ("bzip2", "bzip2"), ("lzma", "lzma"), ("lz4", "lz4")]
)
def test_other_compressions_are_named(root: Path, tool: str, form: str) -> None:
    packed = run(tool, "-c", stdin=tar(root))

    assert listed(packed).problem == f"it is compressed with {form}, which is not read here"


def test_an_entry_of_a_kind_that_nobody_knows_is_a_file(root: Path) -> None:
    content = bytearray(tar(root, "--format=ustar"))
    at = content.index(b"./etc/passwd\0") // BLOCK * BLOCK
    content[at + 156] = ord("Z")
    content[at + 148 : at + 156] = b" " * 8
    content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + BLOCK])

    assert paths(bytes(content)) == EVERYTHING
