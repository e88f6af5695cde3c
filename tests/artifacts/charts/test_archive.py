"""Archives from outside: what is read of them, and what is refused."""

import gzip
import io
import tarfile

import pytest

from artifacts.charts import archive as archives
from artifacts.charts.archive import ChartUnreadable, entries
from tests.artifacts.charts.archives import file, link, packed


def paths(content: bytes) -> list[str]:
    return [entry.path for entry in entries(io.BytesIO(content))]


def refusal(content: bytes) -> str:
    with pytest.raises(ChartUnreadable) as caught:
        [entry.read() for entry in entries(io.BytesIO(content))]
    return str(caught.value)


def test_files_are_read_in_order_and_only_when_asked_for() -> None:
    content = packed([file("pad/a", b"first"), file("pad/b", b"x" * 1000), file("pad/c", b"third")])

    read = [
        (entry.path, entry.read()) for entry in entries(io.BytesIO(content)) if entry.path != "b"
    ]

    assert read == [("a", b"first"), ("c", b"third")]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_long_and_foreign_names_are_read_in_every_format(form: int) -> None:
    long = "/".join(["folder-of-a-chart"] * 12) + "/größe.yaml"
    if form == tarfile.USTAR_FORMAT:
        long = "/".join(["folder"] * 20) + "/file.yaml"

    assert paths(packed([file(f"pad/{long}"), file("pad/last")], form=form)) == [long, "last"]


def test_an_archive_needs_no_mark_of_its_end() -> None:
    plain = gzip.decompress(packed([file("pad/Chart.yaml", b"name: pad")]))

    assert paths(gzip.compress(plain[:1024])) == ["Chart.yaml"]


def test_the_folder_in_front_and_dots_are_no_part_of_a_path() -> None:
    content = packed([file("pad/./Chart.yaml"), file("any/a/../values.yaml")])

    assert paths(content) == ["Chart.yaml", "values.yaml"]


def test_folders_and_devices_are_passed_over() -> None:
    device = tarfile.TarInfo("pad/tty")
    device.type = tarfile.CHRTYPE
    folder = tarfile.TarInfo("pad/templates/")
    folder.type = tarfile.DIRTYPE

    assert paths(packed([(device, b""), (folder, b""), file("pad/a")])) == ["a"]


def test_links_are_told_and_never_followed() -> None:
    content = packed(
        [link("pad/Chart.yaml", "/etc/passwd"), link("pad/b", "pad/a", tarfile.LNKTYPE)]
    )

    found = [(entry.path, entry.is_link, entry.read()) for entry in entries(io.BytesIO(content))]

    assert found == [("Chart.yaml", True, b""), ("b", True, b"")]


def test_a_link_has_no_content_whatever_size_it_states() -> None:
    stated, _ = link("pad/a", "b")
    stated.size = 4096
    plain = gzip.decompress(packed([file("pad/Chart.yaml", b"hidden no more")]))

    found = [entry.path for entry in entries(io.BytesIO(gzip.compress(stated.tobuf() + plain)))]

    assert found == ["a", "Chart.yaml"]


@pytest.mark.parametrize(
    "name",
    [
        "pad/../../etc/passwd",
        "/etc/passwd",
        "..",
        "pad/..",
        "C:/x",
        "pad\\..\\..\\x",
        "a",
        "pad//a",
        "pad/..a",
        "pad/c:/x",
    ],
)
def test_a_name_that_leads_out_of_the_chart_is_refused(name: str) -> None:
    assert "leads out of the chart" in refusal(packed([file(name)]))


def test_a_chart_below_a_folder_called_dot_is_none_as_for_helm() -> None:
    assert paths(packed([file("./pad/Chart.yaml")])) == ["pad/Chart.yaml"]


def test_what_unpacks_to_more_than_any_chart_is_refused_before_it_is_unpacked() -> None:
    header = tarfile.TarInfo("pad/big")
    header.size = archives.MAX_UNPACKED_BYTES
    bomb = gzip.compress(header.tobuf() + bytes(4096))

    assert "more than 100 MiB" in refusal(bomb)


def test_many_small_files_cannot_go_past_the_limit_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 10_000)

    assert "more than" in refusal(packed([file(f"pad/{n}", b"x" * 500) for n in range(20)]))


def test_more_entries_than_any_chart_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 5)

    assert "more than 5 entries" in refusal(packed([file(f"pad/{n}") for n in range(6)]))


def test_a_name_of_a_megabyte_is_refused() -> None:
    content = packed([file(f"pad/{'x' * 1_000_000}")], form=tarfile.GNU_FORMAT)

    assert refusal(content) == "its archive holds a name that is too long"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut short"),
        (b"no gzip at all", "its compression is broken"),
        (gzip.compress(b"no tar at all" * 100, mtime=0), "not a tar"),
        (packed([file("pad/a", bytes(range(256)) * 20)])[:200], "cut short"),
        (gzip.compress(bytes(100), mtime=0), "cut short"),
        (gzip.compress(b"", mtime=0)[:-5], "cut short"),
    ],
)
def test_what_is_no_archive_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(content)


def test_damaged_compression_is_refused() -> None:
    content = bytearray(packed([file("pad/a", bytes(range(256)) * 20)]))
    content[40:60] = b"\xff" * 20

    assert "archive" in refusal(bytes(content))


def test_a_sparse_file_is_refused() -> None:
    header = tarfile.TarInfo("pad/holes")
    header.type = tarfile.GNUTYPE_SPARSE

    assert "plain tar" in refusal(gzip.compress(header.tobuf() + bytes(1024)))


def test_a_negative_size_is_refused() -> None:
    header = bytearray(tarfile.TarInfo("pad/a").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    header[148:156] = b"        "
    header[148:156] = b"%06o\x00 " % sum(header)

    assert "below zero" in refusal(gzip.compress(bytes(header) + bytes(1024)))


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (b"9999999 path=x\n", "cannot be read"),
        (b"-5 path=x\n", "cannot be read"),
        (b"path=x\n", "cannot be read"),
        (b"0 a=b\n", "cannot be read"),
        (b"22 GNU.sparse.major=1\n", "plain tar"),
        (b"11 size=99\n", "plain tar"),
    ],
)
def test_a_header_that_could_be_read_in_two_ways_is_refused(records: bytes, reason: str) -> None:
    header = tarfile.TarInfo("pad/PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    padding = bytes(-len(records) % 512)
    content = header.tobuf() + records + padding + tarfile.TarInfo("pad/a").tobuf() + bytes(1024)

    assert reason in refusal(gzip.compress(content))
