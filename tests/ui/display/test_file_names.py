"""Under which names browsers save what we send."""

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.display.file_names import MAX_BYTES, ascii_name, file_name, saved_as

# What it is called, its name in any script, and its name in ASCII.
NAMES = [
    ("report.pdf", "report.pdf", "report.pdf"),
    ("日本語.pdf", "日本語.pdf", "download.pdf"),
    ("日本語.リリース.tar.gz", "日本語.リリース.tar.gz", "download.tar.gz"),
    ("Größe 2.tar.zst", "Größe 2.tar.zst", "Groe-2.tar.zst"),
    ("Übersicht.md", "Übersicht.md", "Ubersicht.md"),
    ("U\u0308bersicht.md", "Übersicht.md", "Ubersicht.md"),
    ("my file.txt", "my file.txt", "my-file.txt"),
    ("\U0001f600.json", "\U0001f600.json", "download.json"),
    ("שלום.txt", "שלום.txt", "download.txt"),
    ("dir/sub/file.bin", "file.bin", "file.bin"),
    ("C:\\Users\\x\\file.bin", "file.bin", "file.bin"),
    ("../../etc/passwd", "passwd", "passwd"),
    ("a/", "download", "download"),
    ("", "download", "download"),
    ("..", "download", "download"),
    ("...", "download", "download"),
    (" . ", "download", "download"),
    ("漢字", "漢字", "download"),
    (".bashrc", "bashrc", "bashrc"),
    ("..\\.hidden.sh", "hidden.sh", "hidden.sh"),
    ("-rf.txt", "rf.txt", "rf.txt"),
    ("end. ", "end", "end"),
    ('quo"te.txt', "quo-te.txt", "quo-te.txt"),
    ("it's 100%.txt", "it's 100%.txt", "it-s-100.txt"),
    ("a;b=c.txt", "a;b=c.txt", "a-b-c.txt"),
    ("a:b*c?d<e>f|g.txt", "a-b-c-d-e-f-g.txt", "a-b-c-d-e-f-g.txt"),
    ("line\r\nSet-Cookie: a=b.txt", "line-Set-Cookie- a=b.txt", "line-Set-Cookie-a-b.txt"),
    ("nul\x00tab\tdel\x7f.txt", "nul-tab-del-.txt", "nul-tab-del.txt"),
    ("half \ud83d.txt", "half -.txt", "half.txt"),
    ("cod\u202egpj.exe", "cod-gpj.exe", "cod-gpj.exe"),
    ("zero\u200bwidth\ufeff.txt", "zero-width-.txt", "zero-width.txt"),
    ("CON", "_CON", "_CON"),
    ("con.txt", "_con.txt", "_con.txt"),
    ("nul.tar.gz", "_nul.tar.gz", "_nul.tar.gz"),
    ("Com1.log", "_Com1.log", "_Com1.log"),
    ("lpt¹.txt", "_lpt¹.txt", "_lpt1.txt"),
    ("\uff23\uff2f\uff2e.txt", "\uff23\uff2f\uff2e.txt", "_CON.txt"),
    ("console.txt", "console.txt", "console.txt"),
    ("file.日本", "file.日本", "file"),
]


@pytest.mark.parametrize(("text", "name", "fallback"), NAMES, ids=[ascii(n[0]) for n in NAMES])
def test_a_name_is_kept_as_far_as_every_system_takes_it(
    text: str, name: str, fallback: str
) -> None:
    assert file_name(text, "download") == name
    assert ascii_name(text, "download") == fallback


@pytest.mark.parametrize("ending", [".pdf", ".tar.gz", ".json", ".sif"])
@pytest.mark.parametrize("letter", ["x", "ü", "漢", "\U0001f600"])
def test_a_long_name_keeps_its_ending(letter: str, ending: str) -> None:
    name = file_name(letter * 100_000 + ending, "x")

    assert MAX_BYTES - 4 <= len(name.encode()) <= MAX_BYTES
    assert name.endswith(f"{letter}{ending}")


def test_a_long_ending_is_none() -> None:
    assert len(file_name("a." + "b" * 1000, "x").encode()) == MAX_BYTES


def test_the_default_is_used_in_both_forms() -> None:
    assert file_name("", "0123456789ab.tar.gz") == "0123456789ab.tar.gz"
    assert ascii_name("漢字.pdf", "0123456789ab.tar.gz") == "0123456789ab.pdf"


def test_the_header_says_both_where_they_differ() -> None:
    assert saved_as("plain.txt") == 'attachment; filename="plain.txt"'
    assert saved_as("日本語.pdf") == (
        "attachment; filename=\"download.pdf\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E.pdf"
    )


@given(st.text(st.characters(codec=None)))
def test_whatever_the_name_the_header_is_one(text: str) -> None:
    header = saved_as(text)

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    name = unquote(header.partition("filename*=UTF-8''")[2])
    assert not set('/\\<>:"|?*\x00') & set(name)
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(one) for one in name}
