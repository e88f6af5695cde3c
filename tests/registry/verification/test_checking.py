"""Verdicts about what is attached: when they are reached, kept and reached again."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from accounts.audit.models import AuditEvent
from accounts.errors import AccountError
from artifacts.oci.digest import Digest
from artifacts.signatures.claims import DSSE, IN_TOTO
from artifacts.signatures.keys import VerifyingKey
from artifacts.signatures.notary import COSE, JOSE, NOTARY
from artifacts.signatures.verdicts import MAX_CHECKS, UNCHECKED, Budget, State
from registry.blobs.models import Blob
from registry.manifests.models import Manifest
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository
from registry.tags.services import delete_tag
from registry.verification import checking
from registry.verification.checking import MAX_LAYERS, looked_at, recheck, recompute
from registry.verification.models import PublicKey, Verdict
from registry.verification.reads import SignatureState, verdict_of
from registry.verification.services import MAX_KEYS, remove_key
from registry.verification.tasks import recompute as recompute_task
from tests.artifacts.signatures import signing
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import (
    NOW,
    descriptor,
    hold,
    image,
    make_organization,
    make_repository,
    push,
)
from tests.registry.verification.signed import (
    EMPTY,
    as_signature,
    attach_by_subject,
    attach_by_tag,
    push_image,
    trust,
)

pytestmark = pytest.mark.django_db

ALICE, MALLORY = Signer(), Signer()
LATER = NOW + timedelta(hours=1)
BY_NOTATION = Path(signing.__file__).with_name("by_notation")
SIGNED_BY_NOTATION = "sha256:ef3deb591f8ed161636d2791a568b64820d81014499bb53a6f986bba7ff0e3cc"


@pytest.fixture
def web(repository: Repository) -> Manifest:
    return push_image(repository)


def state_of(repository: Repository, digest: str) -> SignatureState:
    return verdict_of(repository, Digest.parse(digest), now=NOW)


@pytest.mark.parametrize("form", ["tag", "subject"])
def test_a_valid_signature_is_shown_with_its_key(
    repository: Repository, web: Manifest, form: str
) -> None:
    trust(repository, ALICE)

    if form == "tag":
        attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    else:
        attach_by_subject(repository, web.digest, ALICE.bundle(web.digest), **as_signature())

    assert state_of(repository, web.digest) == SignatureState(State.VALID, key="release")


def test_nothing_attached_is_not_signed(repository: Repository, web: Manifest) -> None:
    assert str(state_of(repository, web.digest)) == "not signed"


def test_a_signature_by_a_stranger_is_invalid(repository: Repository, web: Manifest) -> None:
    trust(repository, ALICE)

    attach_by_tag(repository, web.digest, MALLORY.simple(web.digest))

    found = state_of(repository, web.digest)
    assert found.state == State.INVALID
    assert "not by a registered key" in found.reason


def test_the_signature_of_another_image_is_invalid_here(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    other = push_image(repository, "other", name="other")

    attach_by_tag(repository, web.digest, ALICE.simple(other.digest))

    found = state_of(repository, web.digest)
    assert found == SignatureState(
        State.INVALID, f"it was made for another manifest: {other.digest}"
    )


def test_one_valid_signature_among_others_is_enough(repository: Repository, web: Manifest) -> None:
    trust(repository, ALICE)

    attach_by_tag(repository, web.digest, MALLORY.simple(web.digest), ALICE.simple(web.digest))

    assert state_of(repository, web.digest).state == State.VALID
    assert sorted(Verdict.objects.values_list("position", "state")) == [
        (0, State.INVALID),
        (1, State.VALID),
    ]


def test_a_malformed_payload_is_invalid_with_the_reason(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    signed = ALICE.simple(web.digest)

    attach_by_tag(repository, web.digest, Layer(signed.media_type, b"\x00", signed.annotations))

    found = state_of(repository, web.digest)
    assert found.state == State.INVALID
    assert found.reason.startswith("it is not JSON")


def test_an_attestation_is_verified_but_is_no_signature(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)

    attach_by_tag(repository, web.digest, ALICE.envelope(web.digest), suffix="att")
    # It says of itself that it is a signature; what was signed says otherwise.
    broken = ALICE.attestation(web.digest, "https://example.com/broken")
    attach_by_subject(repository, web.digest, broken, **as_signature())

    verdicts = Verdict.objects.order_by("pk")
    assert [(row.state, row.is_signature) for row in verdicts] == [(State.VALID, False)] * 2
    assert state_of(repository, web.digest) == SignatureState(
        State.INVALID, "what calls itself a signature is an attestation"
    )


def test_a_signature_may_come_before_its_subject(repository: Repository) -> None:
    trust(repository, ALICE)
    hold(repository, EMPTY)
    body = image(EMPTY, annotations={"comes": "later"})
    digest = str(Digest.of(body))
    attach_by_tag(repository, digest, ALICE.simple(digest))

    push(repository, body, "v1")

    assert state_of(repository, digest).state == State.VALID


def test_a_signature_of_bytes_that_come_later_is_checked_then(repository: Repository) -> None:
    trust(repository, ALICE)
    hold(repository, EMPTY)
    body = image(EMPTY, annotations={"comes": "later"})
    digest = Digest.of(body)
    attach_by_subject(repository, str(digest), ALICE.message_bundle(body))
    assert state_of(repository, str(digest)).state == State.UNVERIFIABLE

    push(repository, body, "v1")
    recheck(repository=repository, digest=digest, now=NOW)

    # Nothing in such a bundle says that it is an attestation.
    assert state_of(repository, str(digest)).state == State.VALID


def test_a_tag_moved_after_signing_is_not_signed(repository: Repository, web: Manifest) -> None:
    trust(repository, ALICE)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))

    moved = push_image(repository, "v1", name="another")

    assert str(state_of(repository, moved.digest)) == "not signed"
    assert state_of(repository, web.digest).state == State.VALID


def test_a_signature_that_was_deleted_counts_no_more(repository: Repository, web: Manifest) -> None:
    trust(repository, ALICE)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    bundle = attach_by_subject(repository, web.digest, ALICE.bundle(web.digest), **as_signature())

    delete_tag(repository=repository, name=f"{web.digest.replace(':', '-')}.sig", now=NOW)
    assert state_of(repository, web.digest).state == State.VALID
    delete_manifest(repository=repository, digest=Digest.parse(bundle.digest), now=NOW)

    assert str(state_of(repository, web.digest)) == "not signed"


def test_a_key_that_is_registered_later_makes_signatures_valid(
    repository: Repository, web: Manifest
) -> None:
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    assert state_of(repository, web.digest) == SignatureState(
        State.UNVERIFIABLE, "no key is registered to check it with"
    )

    trust(repository, ALICE)

    assert recompute(now=LATER, limit=10) == 1
    assert state_of(repository, web.digest).state == State.VALID
    assert Verdict.objects.get().checked_at == LATER
    assert recompute(now=LATER, limit=10) == 0


def test_a_key_that_is_removed_makes_nothing_valid_any_more_at_once(
    repository: Repository, web: Manifest
) -> None:
    key = trust(repository, ALICE)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))

    remove_key(key=key, now=NOW)

    assert state_of(repository, web.digest) == SignatureState(
        State.UNVERIFIABLE, "the key release was removed", is_checking=True
    )
    recompute(now=NOW, limit=10)
    assert state_of(repository, web.digest).reason == "no key is registered to check it with"


def test_keys_of_another_organization_do_not_count(repository: Repository, web: Manifest) -> None:
    elsewhere = make_repository("globex/web")
    trust(elsewhere, ALICE)

    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))

    assert state_of(repository, web.digest).state == State.UNVERIFIABLE
    assert recompute(now=NOW, limit=10) == 0


def test_recomputing_goes_in_batches_and_past_what_is_broken(
    repository: Repository, web: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [web, push_image(repository, "two", name="2"), push_image(repository, "3", name="3")]
    for one in images:
        attach_by_tag(repository, one.digest, ALICE.simple(one.digest))
    trust(repository, ALICE)
    check = checking.check

    def failing(*, manifest: Manifest, subject: Digest, **rest: object) -> None:
        if str(subject) == images[0].digest:
            raise RuntimeError
        check(manifest=manifest, subject=subject, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "check", failing)

    assert [recompute(now=NOW, limit=2) for _ in range(3)] == [2, 1, 0]
    states = [state_of(repository, one.digest).state for one in images]
    assert states == [State.UNVERIFIABLE, State.VALID, State.VALID]


def test_the_task_recomputes_what_is_outdated(repository: Repository, web: Manifest) -> None:
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    trust(repository, ALICE)

    recompute_task()

    assert state_of(repository, web.digest).state == State.VALID


def test_content_that_is_lost_is_not_verifiable_until_it_is_back(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    layer = ALICE.simple(web.digest)
    blobs = Blob.objects.filter(pk=str(Digest.of(layer.content)))
    hold(repository, layer.content)
    hold(repository, EMPTY)
    pushed = attach_by_tag(repository, web.digest, layer)
    blobs.update(missing_at=NOW)
    checking.examine(manifest=pushed, now=NOW)
    assert state_of(repository, web.digest).state == State.UNVERIFIABLE

    blobs.update(missing_at=None)

    groups = looked_at(repository, Digest.parse(web.digest), now=NOW)
    assert [one.state for one in groups.signatures[0].verdicts] == [State.VALID]


def test_a_tag_that_is_put_on_an_old_signature_is_seen_when_somebody_looks(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    signed = attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    other = push_image(repository, "other", name="other")
    body = bytes(Manifest.objects.get(pk=signed.pk).body)

    push(repository, body, f"{other.digest.replace(':', '-')}.sig")

    groups = looked_at(repository, Digest.parse(other.digest), now=NOW)
    assert [one.state for one in groups.signatures[0].verdicts] == [State.INVALID]


def test_a_signature_with_very_many_layers_is_read_in_part(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    unknown = [MALLORY.simple(web.digest)] * (MAX_LAYERS + 5)

    attach_by_tag(repository, web.digest, *unknown, ALICE.simple(web.digest))

    assert Verdict.objects.count() == MAX_LAYERS
    # The last layer is the newest signature.
    assert state_of(repository, web.digest).state == State.VALID


@pytest.mark.parametrize(("kind", "name"), [(COSE, "signature.cose"), (JOSE, "signature.jws")])
def test_a_notary_signature_says_whose_it_is_and_is_not_checked(
    repository: Repository, web: Manifest, kind: str, name: str
) -> None:
    content = (BY_NOTATION / name).read_bytes()
    config = descriptor(EMPTY, NOTARY)
    attach_by_subject(
        repository, SIGNED_BY_NOTATION, Layer(kind, content), config=config, artifactType=None
    )

    verdict = Verdict.objects.get()
    assert (verdict.state, verdict.is_signature) == (State.UNVERIFIABLE, True)
    assert "CN=test.example" in verdict.reason
    assert "present, and not verified here" in verdict.reason


def test_a_notary_signature_of_another_manifest_is_invalid(
    repository: Repository, web: Manifest
) -> None:
    layer = Layer(JOSE, (BY_NOTATION / "signature.jws").read_bytes())
    attach_by_subject(repository, web.digest, layer, artifactType=NOTARY)

    found = state_of(repository, web.digest)
    assert found == SignatureState(
        State.INVALID, f"it was made for another manifest: {SIGNED_BY_NOTATION}"
    )


def test_statements_that_nobody_signed_are_told_to_be_that(
    repository: Repository, web: Manifest
) -> None:
    statement = Layer(IN_TOTO, b'{"_type": "https://in-toto.io/Statement/v1"}')
    attach_by_subject(repository, web.digest, statement, artifactType=IN_TOTO)

    assert Verdict.objects.get().reason == "its statements are not signed"


def test_a_push_and_a_pull_try_keys_a_bounded_number_of_times(
    repository: Repository, web: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MAX_KEYS):
        trust(repository, Signer(), name=f"key-{number}")
    tried: list[bytes] = []
    verifies = VerifyingKey.verifies

    def counted(key: VerifyingKey, signature: bytes, message: bytes) -> bool:
        tried.append(signature)
        return verifies(key, signature, message)

    monkeypatch.setattr(VerifyingKey, "verifies", counted)
    envelope = json.loads(MALLORY.envelope(web.digest).content)
    envelope["signatures"] *= 8
    content = json.dumps(envelope).encode()
    layers = [Layer(DSSE, content + b" " * number) for number in range(16)]

    for number in range(4):
        attach_by_subject(
            repository, web.digest, *layers, artifactType=DSSE, annotations={"n": str(number)}
        )
        assert len(tried) <= MAX_CHECKS
        tried.clear()
    Verdict.objects.all().delete()
    recheck(repository=repository, digest=Digest.parse(web.digest), now=NOW, budget=Budget())
    assert 0 < len(tried) <= 2 * MAX_CHECKS
    assert set(Verdict.objects.values_list("reason", flat=True)) == {UNCHECKED}


def test_changes_of_keys_are_audited(repository: Repository) -> None:
    key = trust(repository, ALICE)
    remove_key(key=key, now=NOW)

    events = AuditEvent.objects.filter(action__startswith="public-key.").order_by("pk")
    assert [(one.action, one.target) for one in events] == [
        ("public-key.register", "acme"),
        ("public-key.remove", "acme"),
    ]
    assert json.loads(events[0].detail) == {"fingerprint": ALICE.key.fingerprint, "key": "release"}


def test_a_key_has_one_name_and_a_name_one_key(repository: Repository) -> None:
    trust(repository, ALICE)

    with pytest.raises(AccountError, match="registered this key already, as release"):
        trust(repository, ALICE, name="again")
    with pytest.raises(AccountError, match="has a key release already"):
        trust(repository, MALLORY)
    with pytest.raises(AccountError, match="the name 'A key' cannot be used"):
        trust(repository, MALLORY, name="A key")
    assert PublicKey.objects.count() == 1
    make_organization("globex")
    trust(make_repository("globex/web"), ALICE)


def test_there_is_an_end_to_the_keys_that_each_signature_is_tried_with(
    repository: Repository,
) -> None:
    for number in range(MAX_KEYS):
        trust(repository, Signer(), name=f"key-{number}")

    with pytest.raises(AccountError, match=f"acme has {MAX_KEYS} keys"):
        trust(repository, ALICE)
    assert PublicKey.objects.count() == MAX_KEYS


def test_a_deleted_repository_takes_its_verdicts_with_it(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))

    repository.delete()

    assert Verdict.objects.count() == 0
    assert PublicKey.objects.count() == 1


def test_what_was_checked_before_a_key_came_is_being_checked(
    repository: Repository, web: Manifest
) -> None:
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    assert not state_of(repository, web.digest).is_checking

    trust(repository, MALLORY, name="other")
    assert state_of(repository, web.digest).is_checking
    recompute(now=NOW, limit=10)

    assert not state_of(repository, web.digest).is_checking
