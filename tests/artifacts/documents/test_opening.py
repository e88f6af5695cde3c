"""Documents in every wrapping and form: read, known by name, too large, or broken."""

import gzip
import io
import json
import tarfile

import pytest
import zstandard

from artifacts.documents import documents, opening
from artifacts.documents.documents import read_document
from artifacts.documents.opening import NotShown, State

SBOM = {"spdxVersion": "SPDX-2.3", "name": "größe", "packages": [{"name": "musl"}]}
TEXT = json.dumps(SBOM, ensure_ascii=False)
CYCLONEDX_XML = (
    '<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"></bom>'
)


def subject_of(content: bytes) -> str:
    sbom = read_document(content).sbom
    assert sbom is not None
    return sbom.subject


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("web.spdx.json"))
    return packed.getvalue()


def refusal(content: bytes) -> NotShown:
    with pytest.raises(NotShown) as caught:
        read_document(content)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_an_sbom_is_read_in_every_unicode_encoding(encoding: str) -> None:
    assert subject_of(TEXT.encode(encoding)) == "größe"


def test_an_sbom_in_an_older_encoding_is_read_but_for_its_letters() -> None:
    assert subject_of(TEXT.encode("latin-1")) == "gr\ufffd\ufffde"


def zstd_of(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def test_an_sbom_is_read_out_of_gzip_and_zstd() -> None:
    content = TEXT.encode("utf-8-sig")

    assert subject_of(gzip.compress(content)) == "größe"
    assert subject_of(zstd_of(content)) == "größe"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n", "SPDX as tags and values"),
        ("# made by hand\n\nSPDXVersion: SPDX-2.2\n", "SPDX as tags and values"),
        ("spdxVersion: SPDX-2.3\npackages: []\n", "SPDX as YAML"),
        ("---\nSPDXID: SPDXRef-DOCUMENT\nspdxVersion: SPDX-2.3\n", "SPDX as YAML"),
        (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"\n'
            ' xmlns:spdx="http://spdx.org/rdf/terms#"></rdf:RDF>',
            "SPDX as RDF",
        ),
        ("@prefix spdx: <http://spdx.org/rdf/terms#> .\n", "SPDX as RDF"),
        ("PREFIX spdx: <https://spdx.org/rdf/3.0.1/terms/>\n", "SPDX as RDF"),
        ("<Document><SPDXID>SPDXRef-DOCUMENT</SPDXID></Document>", "SPDX as XML"),
        (CYCLONEDX_XML, "CycloneDX 1.5 as XML"),
        ("<SoftwareIdentity name='a'/>", "a SWID tag as XML"),
        ("<other name='a'/>", "XML of a form that is not known here"),
        ('<?xml version="1.0"?>\n<SoftwareIdentity name="a"/>', "a SWID tag as XML"),
        ("<!DOCTYPE html><html></html>", "a web page"),
        ('{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": []}',
         "a report in SARIF"),
        ('{"@context": "https://openvex.dev/ns/v0.2.0"}', "an OpenVEX document"),
        ('{"SchemaVersion": 2, "ArtifactName": "web", "Results": []}', "a report of Trivy"),
        ('{"matches": [], "descriptor": {"name": "grype"}}', "a report of Grype"),
        ('{"Document": {"specVersion": "SPDX-2.1"}}', "SPDX of a version before 2.2"),
        ('{"_type": "link", "name": "build"}', "a link of in-toto"),
        ("{}", "JSON of a form that is not known here"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_not_shown_is_called_by_its_form(text: str, form: str, encoding: str) -> None:
    told = refusal(text.encode(encoding))

    assert told.state == State.KEPT
    assert str(told) == f"is {form}, which is kept and not shown"


def test_archives_and_pdfs_are_called_so() -> None:
    assert str(refusal(b"PK\x03\x04rest")).startswith("is a spreadsheet or another archive,")
    assert str(refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest")).startswith("is a spreadsheet or")
    assert str(refusal(gzip.compress(_tar()))).startswith("is an archive of files,")
    assert str(refusal(b"%PDF-1.7")).startswith("is a PDF,")


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (CYCLONEDX_XML.replace("UTF-8", "ISO-8859-1").encode() + b"\xe9", "CycloneDX 1.5 as XML"),
        (b"\n\x031.6\x18\x01\x22\x05hello", "CycloneDX 1.6 as protobuf"),
        (b"\xfd7zXZ\x00rest", "compressed with xz"),
        (b"BZh9rest", "compressed with bzip2"),
        (b"LZIP\x01rest", "compressed with lzip"),
        (b"\x89LZO\x00\r\n", "compressed with lzop"),
        (b"\xff\x06\x00\x00sNaPpYrest", "compressed with Snappy"),
        (b"\x1f\x9d\x90rest", "compressed with compress (.Z)"),
        ("# größe\nSPDXVersion: SPDX-2.3\n".encode("latin-1"), "SPDX as tags and values"),
    ],
)
def test_what_is_no_text_in_unicode_is_called_by_its_form(content: bytes, form: str) -> None:
    assert str(refusal(content)) == f"is {form}, which is kept and not shown"


def test_a_compressed_document_may_begin_with_a_frame_of_something_else() -> None:
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"

    document = read_document(skippable + zstd_of(TEXT.encode()))

    assert document.sbom is not None


def test_an_sbom_as_the_api_of_github_hands_it_out_is_shown() -> None:
    document = read_document(b'{"sbom": %b}' % TEXT.encode())

    assert document.sbom is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"{", "begins as JSON, and cannot be read from line 1 on"),
        (TEXT.encode()[:-1], "begins as JSON, and cannot be read from line 1 on"),
        (b'{\n"a": nothing}', "begins as JSON, and cannot be read from line 2 on"),
        (b'{"a": 1, "a": 2}', "is JSON that can be read in more than one way, or is nested too"),
        (b"[" * 100_000, "is JSON that can be read in more than one way, or is nested too deeply"),
        (b"[1, 2]", "is JSON that holds no object"),
        (b"hello", "is text of no form that is known here"),
        (b"\x80\xff\xfe\x01", "is neither text nor a known kind of file"),
        (gzip.compress(TEXT.encode())[:-9], "is compressed, and cannot be unpacked"),
        (b"\x1f\x8bnothing", "is compressed, and cannot be unpacked"),
        (zstd_of(TEXT.encode())[:-3], "is compressed, and cannot be unpacked"),
    ],
)
def test_what_is_broken_is_told_without_the_words_of_a_parser(content: bytes, message: str) -> None:
    told = refusal(content)

    assert told.state == State.BROKEN
    assert str(told).startswith(message)


def test_a_document_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_DOCUMENT_BYTES", 1024**2)
    monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 1024**2)
    large = b" " * (1024**2 + 1)

    for content in (large, gzip.compress(large), zstd_of(large)):
        told = refusal(content)
        assert told.state == State.TOO_LARGE
        assert str(told) == "is larger than 1 MiB, so it is not shown"


def test_more_documents_in_a_file_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_IN_ONE_FILE", 2)
    monkeypatch.setattr(documents, "MAX_IN_ONE_FILE", 2)

    document = read_document(TEXT.encode() * 3)

    assert document.sbom is not None
    assert len(document.sbom.components) == 2
    assert document.remark == "holds more than 2 documents, of which the first are shown"


def test_what_follows_a_readable_document_and_is_none_is_told() -> None:
    document = read_document(TEXT.encode() + b'{"runs": [], "$schema": "sarif"}')

    assert document.sbom is not None
    assert document.remark == "in one part is a report in SARIF, which is kept and not shown"
