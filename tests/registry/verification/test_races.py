"""What holds when checks, keys and pulls meet. The same on SQLite and PostgreSQL."""

from functools import partial

import pytest

from accounts.users.models import Namespace
from artifacts.oci.digest import Digest
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from registry.verification.checking import check
from registry.verification.models import Keyring, PublicKey, UnsignedPulls, Verdict
from registry.verification.pulls import admit_pull
from registry.verification.services import PublicKeyRefused, register_key, remove_key
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import NOW, make_repository
from tests.registry.verification.signed import attach_by_tag, push_image, trust
from tests.threads import Aside, at_once, held_open

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = Signer()


@pytest.fixture
def repository() -> Repository:
    return make_repository()


@pytest.fixture
def web(repository: Repository) -> Manifest:
    return push_image(repository)


def test_a_check_beside_the_removal_of_its_key_makes_nothing_valid(
    repository: Repository, web: Manifest
) -> None:
    key = trust(repository, ALICE)
    signature = attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    work = partial(check, manifest=signature, subject=Digest.parse(web.digest), now=NOW)

    with held_open():
        remove_key(key=key, now=NOW)
        # It reads the key, which others still see, and then waits to write its verdict.
        other = Aside(work)
        assert other.waits()

    assert other.result() is None
    verdict = Verdict.objects.get()
    assert (verdict.state, verdict.key) == (State.UNVERIFIABLE, None)
    assert verdict.keyring_version == Keyring.objects.get().version == 2


def test_a_check_beside_the_registration_of_a_key_uses_it(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, Signer(), name="other")
    signature = attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    work = partial(check, manifest=signature, subject=Digest.parse(web.digest), now=NOW)

    with held_open():
        trust(repository, ALICE)
        other = Aside(work)
        assert other.waits()

    assert other.result() is None
    assert Verdict.objects.get().state == State.VALID


def test_checks_of_one_signature_at_once_leave_one_verdict(
    repository: Repository, web: Manifest
) -> None:
    signature = attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    trust(repository, ALICE)
    work = partial(check, manifest=signature, subject=Digest.parse(web.digest), now=NOW)

    assert at_once(*[work] * 8) == [None] * 8

    assert Verdict.objects.get().state == State.VALID


def test_refused_pulls_at_once_are_all_counted(repository: Repository, web: Manifest) -> None:
    require_signatures(repository=repository, requirement=SignatureRequirement.REPORT, now=NOW)

    at_once(*[partial(admit_pull, repository=repository, digest=web.digest, now=NOW)] * 20)

    assert UnsignedPulls.objects.get().count == 20


def test_one_of_two_registrations_of_a_key_at_once_wins(repository: Repository) -> None:
    namespace = Namespace.objects.get(pk=repository.namespace_id)
    work = partial(register_key, namespace=namespace, name="release", pem=ALICE.pem, now=NOW)

    results = at_once(*[work] * 4)

    assert sorted(type(result).__name__ for result in results) == [
        "PublicKey",
        *["PublicKeyRefused"] * 3,
    ]
    assert PublicKey.objects.count() == 1
    assert Keyring.objects.get().version == 1
    assert all("already" in str(r) for r in results if isinstance(r, PublicKeyRefused))
