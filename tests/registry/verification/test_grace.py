"""For a while after a push, who may push reads what is not signed yet, to sign it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.audit.services import Actor
from accounts.credentials.principals import Principal
from accounts.credentials.services import authenticate, issue_application_token
from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, Role, SignatureRequirement
from registry.repositories.services import grant, require_signatures
from tests.registry.builders import (
    bearer,
    descriptor,
    hold,
    image,
    make_user,
    owner_of,
    principal_of,
    push,
)
from tests.registry.verification.signed import EMPTY

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def strict(repository: Repository) -> Repository:
    now = datetime.now(UTC)
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=now)
    hold(repository, EMPTY)
    return repository


@pytest.fixture
def colleague(strict: Repository) -> Principal:
    """Somebody else who may push."""
    user = make_user("colleague")
    grant(repository=strict, role=Role.WRITE, holder=user, now=datetime.now(UTC))
    return principal_of(user)


def pushed(
    repository: Repository, tag: str = "v1", *, ago: timedelta = timedelta(0), body: bytes = b""
) -> Manifest:
    """Pushed by the owner of the organization."""
    content = body or image(EMPTY)
    return push(repository, content, tag, now=datetime.now(UTC) - ago, by=Actor("acme-owner"))


def answer(who: Principal, reference: str) -> int:
    client = Client(headers=bearer(who, "repository:acme/web:pull"))
    return client.get(f"/v2/acme/web/manifests/{reference}").status_code


def test_who_pushed_reads_it_by_tag_and_digest(strict: Repository) -> None:
    manifest = pushed(strict)

    owner = owner_of("acme")
    assert [answer(owner, "v1"), answer(owner, manifest.digest)] == [200, 200]


def test_who_may_push_reads_by_digest_what_a_colleague_pushed(
    strict: Repository, colleague: Principal
) -> None:
    manifest = pushed(strict)

    assert [answer(colleague, "v1"), answer(colleague, manifest.digest)] == [403, 200]


def test_a_reader_has_no_grace(strict: Repository) -> None:
    manifest = pushed(strict)
    reader = make_user("reader")
    grant(repository=strict, role=Role.READ, holder=reader, now=datetime.now(UTC))

    who = principal_of(reader)
    assert [answer(who, "v1"), answer(who, manifest.digest)] == [403, 403]


def test_a_token_that_only_reads_has_no_grace(strict: Repository) -> None:
    manifest = pushed(strict)
    now = datetime.now(UTC)
    owner = User.objects.get(username="acme-owner")
    secret = issue_application_token(
        user=owner, title="reads", scope="read", expires_at=None, now=now
    )
    limited = authenticate(username="$app", password=secret, address="", now=now)

    assert answer(limited, manifest.digest) == 403


def test_the_grace_ends(strict: Repository) -> None:
    manifest = pushed(strict, ago=HOUR + timedelta(seconds=5))

    owner = owner_of("acme")
    assert [answer(owner, "v1"), answer(owner, manifest.digest)] == [403, 403]


def test_to_read_it_does_not_prolong_the_grace(strict: Repository) -> None:
    manifest = pushed(strict, ago=HOUR + timedelta(seconds=5))
    Manifest.objects.filter(pk=manifest.pk).update(last_pushed_at=datetime.now(UTC))

    assert answer(owner_of("acme"), manifest.digest) == 403


def test_a_grace_of_nothing_is_none(strict: Repository, settings: Settings) -> None:
    settings.SIGNING_GRACE_SECONDS = 0
    manifest = pushed(strict)

    assert answer(owner_of("acme"), manifest.digest) == 403


def test_another_manifest_under_the_tag_has_no_part_in_it(
    strict: Repository, colleague: Principal
) -> None:
    pushed(strict)
    other = image(EMPTY, annotations={"name": "slipped in"})
    push(strict, other, now=datetime.now(UTC), by=Actor(colleague.name))

    assert [answer(owner_of("acme"), "v1"), answer(colleague, "v1")] == [403, 200]


def test_what_calls_itself_a_proof_and_is_none_has_no_grace(strict: Repository) -> None:
    kind = "application/spdx+json"
    hold(strict, b"\x7fELF")
    body = image(EMPTY, artifactType=kind, layers=[descriptor(b"\x7fELF", kind)])

    assert answer(owner_of("acme"), pushed(strict, body=body).digest) == 403


def test_what_lies_under_a_tag_for_referrers_has_no_grace(strict: Repository) -> None:
    manifest = pushed(strict, f"sha256-{Digest.of(b'other').hex}")

    assert answer(owner_of("acme"), manifest.digest) == 403


def test_the_raw_manifest_is_saved_from_its_page_by_who_may_push(strict: Repository) -> None:
    manifest = pushed(strict)
    Repository.objects.filter(pk=strict.pk).update(is_public=True)
    client = Client()
    path = f"/acme/web/-/manifests/{manifest.digest}/raw"
    to_anybody = client.get(path).status_code

    client.force_login(User.objects.get(username="acme-owner"))

    assert (to_anybody, client.get(path).status_code) == (403, 200)
