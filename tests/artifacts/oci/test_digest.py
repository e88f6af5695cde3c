"""Digests: which texts are digests, and of what."""

import hashlib

import pytest

from artifacts.oci.digest import MAX_LENGTH, AlgorithmUnsupported, Digest, parse_algorithm
from artifacts.oci.errors import DigestInvalid

SHA256 = "sha256:" + hashlib.sha256(b"hello").hexdigest()
SHA512 = "sha512:" + hashlib.sha512(b"hello").hexdigest()
HEX = SHA256.partition(":")[2]


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_a_digest_reads_back_as_it_was_written(text: str) -> None:
    assert str(Digest.parse(text)) == text


@pytest.mark.parametrize(("algorithm", "text"), [("sha256", SHA256), ("sha512", SHA512)])
def test_the_digest_of_content_is_computed_with_the_algorithm_asked_for(
    algorithm: str, text: str
) -> None:
    assert Digest.of(b"hello", algorithm) == Digest.parse(text)


def test_sha256_is_the_algorithm_when_none_is_named() -> None:
    assert str(Digest.of(b"hello")) == SHA256


def test_the_longest_digest_fits_the_column() -> None:
    assert len(SHA512) == MAX_LENGTH


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"sha256:{HEX[:-1]}g",
        f"sha512:{HEX}",
        f"SHA256:{HEX}",
        f"sha256:{HEX}\n",
        f"\nsha256:{HEX}",
        f" sha256:{HEX}",
        f"sha256:{HEX}:{HEX}",
        f"sha256::{HEX}",
        f"sha256-{HEX}",
        f"sha256:{HEX[:-2]}\u0661\u0662",
        f"sha256:{HEX[:-1]}\x00",
        f"sha256:../{HEX[3:]}",
        f"+sha256:{HEX}",
        f"md5+:{HEX}",
        "md5:",
        "md5:a/b",
        f"x:{'a' * 1023}",
        f"sha256:{HEX[:-1]}\u0661",
        f"sha256:{HEX[:-1]} ",
        f"sha512:{HEX * 2}00",
        f":{HEX}",
        HEX,
        f"+:{HEX}",
        f"sha256+:{HEX}",
        f"..:{HEX}",
        "sha256:..",
        "..",
        f"sha256:{'a' * 5000}",
        "'; drop table blobs; --",
        "%s%n",
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(DigestInvalid) as caught:
        Digest.parse(text)

    assert not isinstance(caught.value, AlgorithmUnsupported)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        f"md5:{'a' * 32}",
        f"sha1:{'a' * 40}",
        f"sha384:{'a' * 96}",
        f"blake3:{HEX}",
        f"multihash+base58:{HEX}",
        "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
    ],
)
def test_a_well_formed_digest_of_another_algorithm_says_which_are_supported(text: str) -> None:
    with pytest.raises(AlgorithmUnsupported, match="use sha256 or sha512"):
        Digest.parse(text)


@pytest.mark.parametrize("text", ["a" * 5_000_000, "a." * 2_500_000, "a:" * 2_500_000])
def test_an_endless_text_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(DigestInvalid) as caught:
        Digest.parse(text)

    assert len(str(caught.value)) < 1000
    assert len(str(caught.value.detail)) < 1000


def test_a_digest_algorithm_is_known_by_its_exact_name() -> None:
    assert [parse_algorithm(name) for name in ("sha256", "sha512")] == ["sha256", "sha512"]
    for name in ("", "SHA256", "md5", "sha384", "sha256 "):
        with pytest.raises(AlgorithmUnsupported):
            parse_algorithm(name)
