"""The steps of a push answer the same at the front door as in the views, and need none."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from artifacts.oci.digest import Digest
from config.front_door import memory, pushes
from config.front_door.bodies import Incoming
from registry.blobs.models import Blob, UploadSession
from registry.blobs.transfers import transfers
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant, revoke, set_read_only
from tests.registry.api.pushing import UPLOADS, Asking, Headers, closing, opened
from tests.registry.builders import (
    NOW,
    bearer,
    make_repository,
    make_user,
    owner_of,
    principal_of,
)
from tests.registry.stored import content_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = bytes(range(256)) * 1024  # 256 KiB


def test_a_blob_in_the_closing_request_needs_no_view(
    repository: Repository, alone: Asking, token: Headers
) -> None:
    location = opened(alone, token)

    closed = alone("PUT", closing(location, LARGE), [LARGE[:1000], LARGE[1000:]], token)

    assert closed.status == 201
    assert content_of(repository, Digest.of(LARGE)) == LARGE


def test_a_blob_in_chunks_needs_no_view(
    repository: Repository, alone: Asking, token: Headers
) -> None:
    location = opened(alone, token)
    for content in (b"hello ", b"world"):
        location = alone("PATCH", location, [content], token).headers["location"]

    assert alone("PUT", closing(location, b"hello world"), [], token).status == 201
    assert content_of(repository, Digest.of(b"hello world")) == b"hello world"


def test_a_blob_in_one_request_needs_no_view(
    repository: Repository, alone: Asking, token: Headers
) -> None:
    assert alone("POST", closing(UPLOADS, b"hello"), [b"hello"], token).status == 201
    assert content_of(repository, Digest.of(b"hello")) == b"hello"


def test_what_came_before_the_client_went_away_counts(door: Asking, token: Headers) -> None:
    location = opened(door, token)

    door("PATCH", location, [LARGE], token, is_cut=True)

    assert door("GET", location, headers=token).headers["range"] == f"0-{len(LARGE) - 1}"


def test_a_small_body_that_comes_slowly_needs_no_view(
    alone: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "_GATHERED_SECONDS", 0)

    assert alone("POST", closing(UPLOADS, b"hello"), [b"hel", b"lo"], token).status == 201


def test_what_is_more_than_may_be_in_memory_is_stored_as_it_comes(
    alone: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "_GATHERED_BYTES", 4)
    monkeypatch.setattr(pushes, "hot_pushes", None)

    assert alone("POST", closing(UPLOADS, b"hello"), [b"hello"], token).status == 201


def test_a_failure_of_the_door_is_left_to_the_views(
    door: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(pushes, "hot_pushes", fail)

    assert door("POST", closing(UPLOADS, b"hello"), [b"hello"], token).status == 201


def test_a_right_that_ends_while_the_body_comes_is_noticed(
    repository: Repository, door: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = make_user("bob")
    given = grant(repository=repository, role=Role.WRITE, holder=bob, now=NOW)
    token = bearer(principal_of(bob), "repository:acme/web:pull,push")
    location = opened(door, token)
    gather = Incoming.gather

    async def gather_slowly(body: Incoming, most: int, seconds: float) -> memoryview:
        await asyncio.to_thread(at_once, partial(revoke, given=given, now=NOW))
        return await gather(body, most, seconds)

    monkeypatch.setattr(Incoming, "gather", gather_slowly)

    assert door("PUT", closing(location, b"hello"), [b"hello"], token).status == 401


def test_a_repository_that_becomes_read_only_while_the_body_comes_takes_no_blob(
    repository: Repository, door: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = opened(door, token)
    gather = Incoming.gather
    close = partial(set_read_only, repository=repository, is_read_only=True, now=NOW)

    async def gather_slowly(body: Incoming, most: int, seconds: float) -> memoryview:
        await asyncio.to_thread(at_once, close)
        return await gather(body, most, seconds)

    monkeypatch.setattr(Incoming, "gather", gather_slowly)

    assert door("PUT", closing(location, b"hello"), [b"hello"], token).status == 405
    assert not Blob.objects.exists()


@pytest.mark.parametrize("path", [UPLOADS, closing(UPLOADS, b"hello")])
def test_what_is_read_only_takes_no_pushes_at_the_door(
    repository: Repository, door: Asking, token: Headers, path: str
) -> None:
    opened(door, token)
    set_read_only(repository=repository, is_read_only=True, now=NOW)

    refused = door("POST", path, [b"hello"] if "?" in path else [], token)

    assert refused.status == 405
    assert b"acme/web is read-only" in refused.body


@pytest.mark.only_sqlite  # elsewhere nothing is read on a loop
def test_who_pushes_again_is_not_looked_for_again(
    alone: Asking, token: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_LONGEST", timedelta(hours=1))
    opened(alone, token)
    monkeypatch.setattr(pushes, "pusher_of", None)

    assert alone("POST", UPLOADS, headers=token).status == 202


def test_no_upload_is_opened_while_too_many_come_in(
    door: Asking, token: Headers, settings: Settings
) -> None:
    settings.MAXIMUM_CONCURRENT_UPLOADS = 1
    transfers.begin_upload()
    try:
        assert door("POST", UPLOADS, headers=token).status == 429
    finally:
        transfers.end_upload()


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_pages_of_other_sites_write_nothing(door: Asking, token: Headers, headers: Headers) -> None:
    assert door("POST", UPLOADS, headers={**token, **headers}).status == 403


def _first(body: bytes) -> Sequence[bytes]:
    return [body] if body else []


LOGINS = ["push", "pull", "other", "cut", "nobody"]
CONTENTS = [b"", b"hello", b" world"]
RANGES = ["", "0-4", "5-10", "0-1", "4-0", "x"]
QUERIES: list[Callable[[bytes], str]] = [
    lambda body: f"digest={Digest.of(body)}",
    lambda body: f"digest={Digest.of(body, 'sha512')}",
    lambda body: f"digest={Digest.of(body + b'!')}",
    lambda body: "digest=sha1:abc",
    lambda body: "digest-algorithm=sha512",
    lambda body: "digest-algorithm=md5",
    lambda body: f"mount={Digest.of(b'elsewhere')}",
    lambda body: "",
]
PLACES = [
    UPLOADS,
    UPLOADS.removesuffix("/"),
    "/v2/acme/none/blobs/uploads/",
    "/v2/Acme/web/blobs/uploads/",
    "/v2/blobs/uploads/",
    "//v2/acme/web/blobs/uploads/",
    "session",
    "session/",
    "of another repository",
]
steps = st.lists(
    st.tuples(
        st.sampled_from(["POST", "PATCH", "PUT", "PATCH", "PUT"]),
        st.sampled_from(PLACES) | st.just("session"),
        st.sampled_from(QUERIES),
        st.sampled_from(CONTENTS),
        st.sampled_from(RANGES) | st.just(""),
        st.sampled_from(LOGINS) | st.just("push"),
    ),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(steps=steps)
def test_both_ways_give_one_answer(
    repository: Repository,
    token: Headers,
    views: Asking,
    door: Asking,
    steps: list[tuple[str, str, Callable[[bytes], str], bytes, str, str]],
) -> None:
    whole = token["Authorization"]
    logins = {
        "push": token,
        "pull": bearer(owner_of("acme"), "repository:acme/web:pull"),
        "other": bearer(owner_of("acme"), "repository:acme/other:pull,push"),
        "cut": {"Authorization": whole[:-5]},
        "nobody": {},
    }
    asked = [(views, opened(views, token)), (door, opened(door, token))]
    for method, place, query, body, content_range, login in steps:
        answers = []
        for ask, session in asked:
            path = {
                "session": session,
                "session/": f"{session}/",
                "of another repository": session.replace("acme/web", "acme/other"),
            }.get(place, place)
            headers = {**logins[login], "Content-Range": content_range}
            address = f"{path}?{query(body)}".removesuffix("?")
            answers.append(ask(method, address, _first(body), headers).of_any_session())
        assert answers[0] == answers[1]


@pytest.fixture(autouse=True)
def _other_repository(repository: Repository) -> None:
    make_repository("acme/other")


def test_a_session_ends_once_at_either_door(views: Asking, door: Asking, token: Headers) -> None:
    location = opened(door, token)
    door("PUT", closing(location, b"hello"), [b"hello"], token)

    told = [
        ask(method, closing(location, b"hello"), body, token).status
        for ask in (views, door)
        for method, body in (("PUT", [b"hello"]), ("PUT", []), ("PATCH", [b"hello"]), ("GET", []))
    ]

    assert told == [404] * 8
    assert Blob.objects.count() == 1
    assert not UploadSession.objects.filter(is_closed=False).exists()
