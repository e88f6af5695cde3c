"""Generated documents: each is made once for all who ask, and none waits for ever."""

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.charts.cache import Bodies, Body, DocumentBusy

PATIENT_SECONDS = 30.0


def bodies(
    *,
    max_bytes: int = 1_000_000,
    max_count: int = 10,
    makers: int = 1,
    max_waiting: int = 10,
    wait_seconds: float = PATIENT_SECONDS,
) -> Bodies:
    return Bodies(
        max_bytes=max_bytes,
        max_count=max_count,
        makers=makers,
        max_waiting=max_waiting,
        wait_seconds=wait_seconds,
    )


def document(fingerprint: str, text: str = "text") -> Body:
    body = Body.write([text], max_bytes=10_000_000)
    body.fingerprint = fingerprint
    return body


class Maker:
    """Makes a document when it is told to go on."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.count = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> Body:
        self.count += 1
        self.begun.set()
        assert self.go_on.wait(PATIENT_SECONDS)
        return document(self.fingerprint)


def test_a_document_comes_back_as_it_was_written() -> None:
    texts = [f"{number}: é\n" for number in range(200_000)]

    body = Body.write(texts, max_bytes=10_000_000)

    whole = "".join(texts).encode()
    assert b"".join(body.pieces()) == whole
    assert gzip.decompress(b"".join(body.packed())) == whole
    assert (body.size, body.packed_size) == (len(whole), len(b"".join(body.packed())))


def test_two_may_read_a_document_at_once() -> None:
    body = Body.write([f"{number}\n" for number in range(300_000)], max_bytes=10_000_000)
    first, second = body.packed(), body.packed()

    pairs = list(zip(first, second, strict=True))

    assert len(pairs) > 1
    assert all(one == other for one, other in pairs)


def test_a_document_of_just_the_most_bytes_is_whole() -> None:
    assert b"".join(Body.write(["é", "é"], max_bytes=4).pieces()) == "éé".encode()


def test_a_longer_document_is_not_read_on() -> None:
    def endless() -> object:
        while True:
            yield "text"

    body = Body.write(endless(), max_bytes=1000)  # type: ignore[arg-type]

    assert body.is_too_long
    assert (body.size, body.packed_size) == (0, 0)


def test_many_who_ask_at_once_get_what_one_makes() -> None:
    kept, maker = bodies(), Maker("a")
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(kept.get_or_make, "a", maker)
        assert maker.begun.wait(PATIENT_SECONDS)
        others = [threads.submit(kept.get_or_make, "a", maker) for _ in range(7)]
        maker.go_on.set()
        made = {id(future.result()) for future in [first, *others]}

    assert len(made) == 1
    assert maker.count == 1


def test_who_waits_too_long_is_told_to_come_back() -> None:
    kept, maker = bodies(wait_seconds=0.05), Maker("a")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(kept.get_or_make, "a", maker)
        assert maker.begun.wait(PATIENT_SECONDS)

        with pytest.raises(DocumentBusy) as caught:
            kept.get_or_make("a", maker)

        maker.go_on.set()
        first.result()
    assert caught.value.headers() == {"Retry-After": "5"}
    assert caught.value.status == 503


def test_no_more_wait_than_may() -> None:
    kept, maker = bodies(max_waiting=0), Maker("a")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(kept.get_or_make, "a", maker)
        assert maker.begun.wait(PATIENT_SECONDS)

        with pytest.raises(DocumentBusy):
            kept.get_or_make("a", maker)

        maker.go_on.set()
        first.result()


def test_another_document_waits_for_a_maker() -> None:
    kept, maker = bodies(makers=1, wait_seconds=0.05), Maker("a")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(kept.get_or_make, "a", maker)
        assert maker.begun.wait(PATIENT_SECONDS)

        with pytest.raises(DocumentBusy):
            kept.get_or_make("b", lambda: document("b"))

        maker.go_on.set()
        first.result()


def test_another_document_is_made_beside_the_first_where_two_may() -> None:
    kept, maker = bodies(makers=2), Maker("a")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(kept.get_or_make, "a", maker)
        assert maker.begun.wait(PATIENT_SECONDS)

        other = kept.get_or_make("b", lambda: document("b"))

        maker.go_on.set()
        first.result()
    assert other.fingerprint == "b"


def test_who_waited_for_a_failure_makes_it_again() -> None:
    kept = bodies()

    def fail() -> Body:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        kept.get_or_make("a", fail)

    assert kept.get_or_make("a", lambda: document("a")).fingerprint == "a"


def test_what_was_asked_for_least_recently_is_forgotten() -> None:
    kept = bodies(max_count=2)
    for name in ("a", "b"):
        kept.get_or_make(name, lambda name=name: document(name))  # type: ignore[misc]
    kept.get("a")

    kept.get_or_make("c", lambda: document("c"))

    assert [name for name in ("a", "b", "c") if kept.get(name)] == ["a", "c"]


def test_documents_have_so_many_bytes_together() -> None:
    kept = bodies(max_bytes=1000, max_count=1000)
    text = "".join(f"{number:x}" for number in range(10_000, 10_400))

    for name in ("a", "b", "c"):
        kept.get_or_make(name, lambda name=name: document(name, text))  # type: ignore[misc]

    assert kept.get("a") is None
    assert kept.get("c") is not None


def test_what_alone_is_too_large_is_made_and_not_kept() -> None:
    kept = bodies(max_bytes=100, max_count=10)
    text = "".join(f"{number:x}" for number in range(10_000, 10_400))

    made = kept.get_or_make("a", lambda: document("a", text))

    assert b"".join(made.pieces()) == text.encode()
    assert kept.get("a") is None
