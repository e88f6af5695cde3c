"""Walking a tar: what is told of its entries, whoever wants them."""

import io
import tarfile

import pytest

from artifacts.archives.tar import Member, TarBroken, members


class Whole(io.BytesIO):
    """A tar in memory."""

    def read_or_end(self, size: int) -> bytes:
        return self.read(size)

    def skip(self, size: int) -> None:
        self.seek(size, io.SEEK_CUR)


def pax(*records: bytes, type: bytes = tarfile.XHDTYPE) -> bytes:
    content = b"".join(records)
    header = tarfile.TarInfo("pax")
    header.type, header.size = type, len(content)
    return header.tobuf() + content + bytes(-len(content) % 512)


def file(name: str, content: bytes = b"") -> bytes:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    return header.tobuf() + content + bytes(-len(content) % 512)


def only(content: bytes) -> Member:
    (member,) = members(Whole(content), most=10)
    return member


def test_content_that_nobody_reads_is_passed_over() -> None:
    content = file("a", b"x" * 700) + file("b", b"y")

    read = [m.read() for m in members(Whole(content), most=10) if m.path == "b"]

    assert read == [b"y"]


def test_the_end_needs_no_mark() -> None:
    assert [member.path for member in members(Whole(file("a")), most=10)] == ["a"]


def test_nothing_behind_the_mark_of_the_end_is_read() -> None:
    content = file("a") + bytes(1024) + file("b")

    assert [member.path for member in members(Whole(content), most=10)] == ["a"]


def test_a_name_that_pax_leaves_empty_stays_that_of_the_header() -> None:
    assert only(pax(b"8 path=\n") + file("a")).path == "a"


def test_what_holds_for_all_files_names_none() -> None:
    content = pax(b"10 path=x\n", type=tarfile.XGLTYPE) + file("a")

    assert only(content).path == "a"


def test_a_header_between_keeps_the_name_for_the_entry_behind_it() -> None:
    content = pax(b"10 path=x\n") + pax(b"11 mtime=1\n", type=tarfile.XGLTYPE) + file("a")

    assert only(content).path == "x"


@pytest.mark.parametrize(
    ("records", "is_plain"),
    [
        (b"11 mtime=1\n", True),
        (b"10 path=x\n", True),
        (b"10 size=1\n", False),
        (b"22 GNU.sparse.major=1\n", False),
        (b"16385 a=" + b"x" * 16376 + b"\n", False),
    ],
    ids=["time", "name", "size", "sparse", "too long to read"],
)
def test_a_member_is_plain_when_all_readers_see_the_same(records: bytes, is_plain: bool) -> None:
    assert only(pax(records) + file("a", b"z")).is_plain is is_plain


def test_there_are_no_more_members_than_wanted() -> None:
    with pytest.raises(TarBroken, match="more than 1 entries"):
        list(members(Whole(file("a") + file("b")), most=1))
