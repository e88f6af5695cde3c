"""Section "Mounting a blob from another repository" (end-11)."""

import pytest

from tests.conformance.client import Answer, Client
from tests.conformance.content import digest_of, unique, unknown_digest
from tests.conformance.repository import Repository


def mount(to: Repository, digest: str, source: str | None) -> Answer:
    """Mount with a token for both repositories, as every client that mounts asks for."""
    scopes = [f"repository:{to.name}:pull,push"]
    query = {"mount": digest}
    if source is not None:
        scopes.append(f"repository:{source}:pull")
        query["from"] = source
    path = to.uploads(**query)
    return to.client.send("POST", path, body=b"", headers=to.client.bearer(*scopes))


def assert_session_instead(answer: Answer, to: Repository) -> None:
    """The fallback is a session that works."""
    assert answer.status == 202, answer
    content = unique()
    assert to.commit(answer.header("Location"), digest_of(content), content).status == 201


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_successful_mount_answers_201_with_a_location(
    algorithm: str, repository: Repository, writable: Repository
) -> None:
    content = unique()
    digest = writable.push_blob(content, algorithm=algorithm)["digest"]

    answer = mount(repository, digest, writable.name)

    assert answer.status == 201
    assert answer.header("Docker-Content-Digest") == digest
    assert repository.name in answer.header("Location")
    assert repository.client.get(answer.header("Location")).body == content


def test_a_mounted_blob_serves_a_manifest(repository: Repository, writable: Repository) -> None:
    document = writable.image_document()
    for blob in (document["config"], *document["layers"]):
        assert mount(repository, blob["digest"], writable.name).status == 201

    assert repository.put_manifest(document, "v1").status == 201


def test_a_mounted_blob_outlives_its_source(repository: Repository, writable: Repository) -> None:
    content = unique()
    digest = writable.push_blob(content)["digest"]
    mount(repository, digest, writable.name)

    assert writable.client.delete(writable.blob(digest)).status == 202

    assert repository.client.get(repository.blob(digest)).body == content


def test_a_mount_within_one_repository_is_a_mount(repository: Repository) -> None:
    digest = repository.push_blob(unique())["digest"]

    assert mount(repository, digest, repository.name).status == 201


def test_a_mount_without_a_source_finds_what_the_caller_may_read_or_opens_a_session(
    repository: Repository, writable: Repository
) -> None:
    content = unique()
    digest = writable.push_blob(content)["digest"]

    answer = mount(repository, digest, None)

    if answer.status == 201:
        assert repository.client.get(answer.header("Location")).body == content
    else:
        assert_session_instead(answer, repository)


@pytest.mark.parametrize("source", ["known", None])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_mounting_an_unknown_blob_opens_a_session(
    algorithm: str, source: str | None, repository: Repository, writable: Repository
) -> None:
    writable.push_blob(unique())

    answer = mount(repository, unknown_digest(algorithm), writable.name if source else None)

    assert_session_instead(answer, repository)


@pytest.mark.parametrize("source", ["nobody/nothing", "alice", "x", "nobody-here/a/b/c"])
def test_mounting_from_an_unknown_repository_opens_a_session(
    source: str, repository: Repository, writable: Repository
) -> None:
    digest = writable.push_blob(unique())["digest"]

    assert_session_instead(mount(repository, digest, source), repository)


def test_mounting_what_the_named_repository_lacks_opens_a_session(
    repository: Repository, writable: Repository, bob: Client
) -> None:
    """The source named is what counts, not any other repository that holds the blob."""
    digest = repository.push_blob(unique())["digest"]
    mine = Repository(bob, f"{bob.username}/mounts")

    assert_session_instead(mount(mine, digest, writable.name), mine)


@pytest.mark.parametrize("exists", [True, False], ids=["existing", "absent"])
@pytest.mark.parametrize("named", [True, False], ids=["from", "anonymous"])
def test_a_blob_the_caller_may_not_read_mounts_like_one_that_does_not_exist(
    named: bool, exists: bool, repository: Repository, bob: Client
) -> None:
    digest = repository.push_blob(unique())["digest"] if exists else unknown_digest()
    mine = Repository(bob, f"{bob.username}/mounts")

    answer = mount(mine, digest, repository.name if named else None)

    assert_session_instead(answer, mine)
    assert not mine.has_blob(digest)


def test_a_blob_of_a_public_repository_mounts_anywhere(public: Repository, bob: Client) -> None:
    content = unique()
    digest = public.push_blob(content)["digest"]
    mine = Repository(bob, f"{bob.username}/mounts")

    assert mount(mine, digest, public.name).status == 201
    assert mine.client.get(mine.blob(digest)).body == content


def test_who_may_not_write_mounts_nothing(
    readable: Repository, public: Repository, bob: Client
) -> None:
    digest = public.push_blob(unique())["digest"]

    answer = mount(readable.seen_by(bob), digest, public.name)

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert not readable.has_blob(digest)


@pytest.mark.parametrize("digest", ["", "nonsense", "sha256:abc", "md5:" + "0" * 32, "..", "\x00"])
def test_mounting_by_a_digest_that_is_none_is_refused(digest: str, repository: Repository) -> None:
    answer = mount(repository, digest, repository.name)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("source", ["UPPER", "a//b", "../x", "a b", "\x00", "\u00e9", "a" * 999])
def test_mounting_from_a_name_that_is_none_opens_a_session(
    source: str, repository: Repository, writable: Repository
) -> None:
    digest = writable.push_blob(unique())["digest"]

    path = repository.uploads(mount=digest, **{"from": source})

    assert repository.client.post(path).status == 202
