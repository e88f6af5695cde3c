"""From where a blob may be mounted: what the caller may read, as far as its token says so."""

import pytest

from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, DigestInvalid
from registry.access.callers import Caller
from registry.exchange.blobs import fetch_blob, mount_blob
from registry.repositories.models import Repository
from tests.registry.builders import NOW, hold, make_repository, make_user, owner_of, principal_of

pytestmark = pytest.mark.django_db

DIGEST = Digest.of(b"layer")


@pytest.fixture
def target(repository: Repository) -> Repository:
    return repository


@pytest.fixture
def source(target: Repository) -> Repository:
    source = make_repository("acme/source")
    hold(source, b"layer")
    return source


@pytest.mark.parametrize("name", [None, "acme/source"])
def test_a_blob_is_mounted_from_a_named_repository_or_any(
    source: Repository, target: Repository, name: str | None
) -> None:
    owner = Caller(owner_of("acme"))

    assert mount_blob(repository=target, digest=DIGEST, source=name, caller=owner, now=NOW)

    found = fetch_blob(repository=target, digest=str(DIGEST), caller=owner, now=NOW)
    assert found.size == len(b"layer")


@pytest.mark.parametrize("name", ["acme/other", "NO NAME", ""])
def test_nothing_is_mounted_from_where_it_is_not(
    source: Repository, target: Repository, name: str
) -> None:
    owner = Caller(owner_of("acme"))

    assert not mount_blob(repository=target, digest=DIGEST, source=name, caller=owner, now=NOW)


def test_nothing_is_mounted_from_what_the_caller_may_not_read(
    source: Repository, target: Repository
) -> None:
    stranger = Caller(principal_of(make_user("stranger")))

    assert not mount_blob(repository=target, digest=DIGEST, source=None, caller=stranger, now=NOW)


@pytest.mark.parametrize(
    ("digest", "error"), [("md5:" + "a" * 32, BlobUnknown), ("sha256:x", DigestInvalid)]
)
def test_what_is_no_digest_is_told_from_what_is_not_here(
    target: Repository, digest: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        fetch_blob(repository=target, digest=digest, caller=Caller(owner_of("acme")), now=NOW)
