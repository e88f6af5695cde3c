"""Clients that do the same thing at the same moment: one wins, and no blob is ever wrong."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from tests.conformance.client import Answer
from tests.conformance.content import digest_of, encode, unique
from tests.conformance.repository import OCTETS, Repository

RACERS = 8

# What the loser of a race for one session may be told.
LOSES = {400, 404, 409, 416}


def race(*runs: Callable[[], Answer]) -> list[Answer]:
    """Run all at once, and let them start together."""
    gate = Barrier(len(runs))

    def started(run: Callable[[], Answer]) -> Answer:
        gate.wait()
        return run()

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(started, runs))


def statuses(answers: list[Answer]) -> list[int]:
    return sorted(answer.status for answer in answers)


@pytest.mark.parametrize("size", [0, 10, 400_000])
def test_of_racing_puts_on_one_session_one_wins(size: int, repository: Repository) -> None:
    content = unique(size)
    location, digest = repository.open_upload(), digest_of(content)

    answers = race(*[lambda: repository.commit(location, digest, content)] * RACERS)

    assert statuses(answers).count(201) == 1
    assert {answer.status for answer in answers} <= {201, *LOSES}
    assert repository.client.get(repository.blob(digest)).body == content


@pytest.mark.parametrize("size", [10, 400_000])
def test_of_racing_closes_after_a_patch_exactly_one_wins(size: int, repository: Repository) -> None:
    content, location = unique(size), repository.open_upload()
    repository.client.patch(location, body=content, headers=OCTETS)

    answers = race(*[lambda: repository.commit(location, digest_of(content))] * RACERS)

    assert statuses(answers).count(201) == 1
    assert {answer.status for answer in answers} <= {201, *LOSES}
    assert repository.client.get(repository.blob(digest_of(content))).body == content


def test_a_race_of_puts_with_different_content_never_mixes_them(repository: Repository) -> None:
    contents = [unique(200_000) for _ in range(RACERS)]
    location = repository.open_upload()

    answers = race(
        *[partial(repository.commit, location, digest_of(content), content) for content in contents]
    )

    assert statuses(answers).count(201) == 1
    for content, answer in zip(contents, answers, strict=True):
        pulled = repository.client.get(repository.blob(digest_of(content)))
        assert (pulled.status == 200) == (answer.status == 201)
        assert pulled.status != 200 or pulled.body == content


def test_of_racing_chunks_for_one_place_one_wins(repository: Repository) -> None:
    contents = [unique(100_000) for _ in range(RACERS)]
    location = repository.open_upload()
    headers = [*OCTETS, ("Content-Range", "0-99999")]

    answers = race(
        *[
            partial(repository.client.patch, location, body=body, headers=headers)
            for body in contents
        ]
    )

    assert statuses(answers) == [202] + [416] * (RACERS - 1)
    winner = contents[[answer.status for answer in answers].index(202)]
    assert repository.offset(location) == 100_000
    assert repository.commit(location, digest_of(winner)).status == 201
    assert repository.client.get(repository.blob(digest_of(winner))).body == winner


def test_a_patch_racing_the_close_is_in_or_out(repository: Repository) -> None:
    for _ in range(5):
        content, location = unique(1000), repository.open_upload()
        repository.client.patch(location, body=content, headers=OCTETS)

        race(
            partial(repository.commit, location, digest_of(content)),
            partial(repository.client.patch, location, body=b"x" * 1000, headers=OCTETS),
        )

        pulled = repository.client.get(repository.blob(digest_of(content)))
        assert pulled.status == 404 or pulled.body == content


def test_a_cancel_racing_the_close_is_one_or_the_other(repository: Repository) -> None:
    for _ in range(5):
        content, location = unique(1000), repository.open_upload()

        closed, cancelled = race(
            partial(repository.commit, location, digest_of(content), content),
            partial(repository.client.delete, location),
        )

        assert closed.status in {201, *LOSES}
        assert cancelled.status in {204, *LOSES}
        assert repository.has_blob(digest_of(content)) == (closed.status == 201)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_one_blob_pushed_by_many_sessions_at_once(algorithm: str, repository: Repository) -> None:
    """Section "Layer Upload De-duplication": both operations proceed."""
    content = unique(100_000)
    digest = digest_of(content, algorithm)
    locations = [repository.open_upload() for _ in range(RACERS)]

    answers = race(*[partial(repository.commit, at, digest, content) for at in locations])

    assert statuses(answers) == [201] * RACERS
    assert repository.client.get(repository.blob(digest)).body == content


def test_the_first_pushes_to_a_repository_may_come_together(repository: Repository) -> None:
    """Docker sends five layers at once to a repository that does not exist yet."""
    contents = [unique() for _ in range(RACERS)]

    answers = race(
        *[
            partial(
                repository.client.post,
                repository.uploads(digest=digest_of(content)),
                body=content,
                headers=OCTETS,
            )
            for content in contents
        ]
    )

    assert statuses(answers) == [201] * RACERS
    assert all(repository.has_blob(digest_of(content)) for content in contents)


def test_one_tag_pushed_many_times_at_once_points_at_one_of_them(repository: Repository) -> None:
    bodies = [encode(repository.image_document()) for _ in range(RACERS)]

    answers = race(*[partial(repository.put_manifest, body, "v1") for body in bodies])

    assert statuses(answers) == [201] * RACERS
    winner = repository.client.get(repository.manifest("v1")).body
    assert winner in bodies
    assert repository.tags() == ["v1"]
    # The others lost the tag, and with it what held them.
    assert repository.client.get(repository.manifest(digest_of(winner))).body == winner


def test_one_manifest_pushed_many_times_at_once(repository: Repository) -> None:
    body = encode(repository.image_document())

    answers = race(*[partial(repository.put_manifest, body, f"v{n}") for n in range(RACERS)])

    assert statuses(answers) == [201] * RACERS
    assert repository.tags() == [f"v{n}" for n in range(RACERS)]


def test_of_many_deletes_at_once_one_wins(repository: Repository) -> None:
    pushed = repository.push_image("v1")
    repository.push_image("kept")

    answers = race(*[lambda: repository.client.delete(repository.manifest(pushed.digest))] * RACERS)

    assert statuses(answers) == [202] + [404] * (RACERS - 1)
    assert repository.tags() == ["kept"]
