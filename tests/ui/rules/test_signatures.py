"""Keys whose signatures count, and whether a pull needs one."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.users.models import User
from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from registry.verification.models import PublicKey, UnsignedPulls
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import NOW, make_repository
from tests.registry.verification.signed import attach_by_tag, push_image, trust
from tests.ui.browsing import browser
from ui.rules import signatures as pages

pytestmark = pytest.mark.django_db

ALICE, BOB = Signer(), Signer()
KEYS = "/acme/-/keys"
REQUIREMENT = "/acme/web/-/rules/signatures"


@pytest.fixture
def owner(repository: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def sign(repository: Repository, name: str, signer: Signer = ALICE) -> str:
    digest = push_image(repository, name, name=name).digest
    attach_by_tag(repository, digest, signer.simple(digest))
    return digest


def file(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("cosign.pub", content)


# --- Keys ---------------------------------------------------------------------------------------


def test_a_key_is_registered_from_its_text(owner: Client) -> None:
    answer = owner.post(KEYS, {"name": "release", "pem": ALICE.pem}, follow=True)

    shown = answer.content.decode()
    assert "Signatures by the key release now count." in shown
    assert ALICE.key.fingerprint in shown
    assert "ECDSA P-256" in shown
    key = PublicKey.objects.get()
    assert (key.name, key.added_by) == ("release", "acme-owner")
    assert AuditEvent.objects.get(action="public-key.register").actor == "acme-owner"


def test_a_key_is_registered_from_its_file(owner: Client) -> None:
    owner.post(KEYS, {"name": "release", "file": file(ALICE.pem.encode())})

    assert PublicKey.objects.get().fingerprint == ALICE.key.fingerprint


@pytest.mark.parametrize(
    ("sent", "field", "sentence"),
    [
        ({"name": "new", "pem": "nonsense"}, "pem", "Expected one public key in PEM form"),
        ({"name": "new", "pem": ""}, "pem", "Paste the public key, or choose its file."),
        ({"name": "new", "pem": "x" * 9000}, "pem", "A public key has at most"),
        ({"name": "new", "pem": "-----BEGIN PRIVATE KEY-----"}, "pem", "This is a private key"),
        ({"name": "A B", "pem": ALICE.pem}, "name", "cannot be used"),
        ({"name": "", "pem": ALICE.pem}, "name", "This field is required."),
        ({"name": "taken", "pem": ALICE.pem}, "name", "has a key taken already"),
        ({"name": "new", "pem": BOB.pem}, "pem", "has registered this key already, as taken"),
        ({"name": "new", "pem": "x", "file": file(b"x")}, "file", "not both"),
        ({"name": "new", "file": file(b"\xff\x00" * 9000)}, "file", "A public key has at most"),
        ({"name": "new", "file": file(b"")}, "file", "empty"),
    ],
)
def test_a_refusal_stands_beside_its_field(
    owner: Client, repository: Repository, sent: dict[str, object], field: str, sentence: str
) -> None:
    trust(repository, BOB, "taken")

    answer = owner.post(KEYS, sent)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert sentence in answer.context["form"].errors[field][0]
    assert PublicKey.objects.count() == 1


def test_keys_are_listed_with_what_they_made_valid(owner: Client, repository: Repository) -> None:
    trust(repository, ALICE, "release")
    trust(repository, BOB, "spare")
    sign(repository, "v1")
    sign(repository, "v2")

    answer = owner.get(KEYS)

    assert [(key.name, count) for key, count in answer.context["keys"]] == [
        ("release", 2),
        ("spare", 0),
    ]


def test_before_a_key_is_removed_what_stands_on_it_is_named(
    owner: Client, repository: Repository
) -> None:
    key = trust(repository, ALICE)
    digest = sign(repository, "v1")
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)

    shown = page(owner, f"{KEYS}/{key.pk}/remove")

    assert f'title="{digest}"' in shown
    assert "1 signature and attestations become unverifiable at once." in shown
    assert "refused </span>" in shown or "refused</span>" in shown
    assert PublicKey.objects.exists()


def test_a_key_is_removed(owner: Client, repository: Repository) -> None:
    key = trust(repository, ALICE)

    answer = owner.post(f"{KEYS}/{key.pk}/remove", follow=True)

    assert "Signatures by the key release do not count any more." in answer.content.decode()
    assert not PublicKey.objects.exists()
    assert AuditEvent.objects.get(action="public-key.remove").actor == "acme-owner"


def test_the_key_of_another_namespace_is_not_there(owner: Client) -> None:
    key = trust(make_repository("umbrella/web"), ALICE)

    assert owner.get(f"{KEYS}/{key.pk}/remove").status_code == 404
    assert owner.post(f"{KEYS}/{key.pk}/remove").status_code == 404
    assert owner.post(f"{KEYS}/{10**30}/remove").status_code == 404
    assert PublicKey.objects.exists()


# --- What a pull needs --------------------------------------------------------------------------


def test_the_dry_run_names_the_tags_that_would_be_refused(
    owner: Client, repository: Repository
) -> None:
    trust(repository, ALICE)
    sign(repository, "signed")
    push_image(repository, "plain", name="plain")

    answer = owner.get(REQUIREMENT)

    assert [(tag.name, why) for tag, why in answer.context["refused"]] == [
        ("plain", "it is not signed")
    ]
    assert "1 of all 3 tags." in " ".join(answer.content.decode().split())


def test_a_long_dry_run_goes_from_page_to_page(
    owner: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LOOKED_AT", 2)
    for name in "abc":
        push_image(repository, name, name=name)

    first = owner.get(REQUIREMENT)
    second = owner.get(REQUIREMENT + first.context["page"].next_url)

    assert [tag.name for tag, _ in first.context["refused"]] == ["a", "b"]
    assert [tag.name for tag, _ in second.context["refused"]] == ["c"]
    assert "2 of 2 tags on this page" in " ".join(first.content.decode().split())


def test_counted_pulls_are_shown_by_day(owner: Client, repository: Repository) -> None:
    now = timezone.now()
    for days, count in ((0, 3), (5, 8), (40, 99)):
        UnsignedPulls.objects.create(
            repository=repository,
            day=(now - timedelta(days=days)).date(),
            requirement="report",
            count=count,
            last_digest="sha256:" + "0" * 64,
            last_reason="it is not signed",
            last_at=now,
        )

    answer = owner.get(REQUIREMENT)

    assert [one.count for one in answer.context["days"]] == [3, 8]
    plot = answer.context["plot"]
    assert (len(plot), plot[-1][1], plot[-6][1]) == (30, 3, 8)
    assert "11 pulls without a valid signature" in page(owner, "/acme/web/-/rules")


def test_reporting_is_chosen_at_once(owner: Client, repository: Repository) -> None:
    owner.post(REQUIREMENT, {"requirement": "report"})

    repository.refresh_from_db()
    assert repository.signature_requirement == SignatureRequirement.REPORT
    assert AuditEvent.objects.get(action="repository.signatures").actor == "acme-owner"


def test_requiring_signatures_is_confirmed_with_what_it_would_refuse(
    owner: Client, repository: Repository
) -> None:
    push_image(repository, "plain")

    answer = owner.post(REQUIREMENT, {"requirement": "required"})

    shown = " ".join(answer.content.decode().split())
    assert "<b>1 would be refused</b>" in shown
    assert "acme has no key, so every pull would be refused." in shown
    repository.refresh_from_db()
    assert repository.signature_requirement == SignatureRequirement.NONE

    owner.post(REQUIREMENT, {"requirement": "required", "confirmed": "yes"})
    repository.refresh_from_db()
    assert repository.signature_requirement == SignatureRequirement.REQUIRED


@pytest.mark.parametrize("sent", [{}, {"requirement": "x"}])
def test_no_other_requirement_is_taken(owner: Client, sent: dict[str, str]) -> None:
    answer = owner.post(REQUIREMENT, sent)

    assert answer.status_code == 422
    assert 'class="b-error"' in answer.content.decode()


@pytest.mark.parametrize("address", [KEYS, f"{KEYS}/{{key}}/remove", REQUIREMENT])
def test_more_signatures_and_keys_take_no_more_queries(
    owner: Client, repository: Repository, address: str
) -> None:
    address = address.format(key=trust(repository, ALICE).pk)
    sign(repository, "v")
    push_image(repository, "u", name="u")
    owner.get(address)
    few = queries(owner, address)

    for number in range(10):
        trust(repository, Signer(), f"k{number}")
        sign(repository, f"v{number}")
        push_image(repository, f"u{number}", name=f"u{number}")

    assert queries(owner, address) == few


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_commands_to_sign_are_told_when_there_is_no_tls(owner: Client) -> None:
    signing = "cosign sign --key cosign.key --tlog-upload=false --use-signing-config=false"

    shown = owner.get(KEYS).content.decode()

    assert f'data-copy="{signing} --allow-http-registry testserver:80/acme/NAME@sha' in shown
