"""Keys and requirements in the administration."""

import pytest
from django.test import Client

from accounts.audit.models import AuditEvent
from artifacts.signatures.verdicts import State
from registry.repositories.models import Repository
from registry.verification.models import PublicKey, Verdict
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import make_user
from tests.registry.verification.signed import attach_by_tag, push_image, trust

pytestmark = pytest.mark.django_db

ALICE = Signer()
KEYS = "/admin/verification/publickey/"


@pytest.fixture
def page() -> Client:
    client = Client(REMOTE_ADDR="192.0.2.44")
    client.force_login(make_user("root1", is_superuser=True))
    return client


def test_a_key_is_added_and_removed(repository: Repository, page: Client) -> None:
    web = push_image(repository)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    form = {"namespace": repository.namespace_id, "name": "release", "pem": ALICE.pem}

    assert page.post(f"{KEYS}add/", form).status_code == 302

    key = PublicKey.objects.get()
    assert (key.fingerprint, key.added_by) == (ALICE.key.fingerprint, "root1")
    assert page.get(f"{KEYS}{key.pk}/change/").status_code == 200
    assert page.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not PublicKey.objects.exists()
    actions = AuditEvent.objects.filter(actor="root1").order_by("pk")
    assert [one.action for one in actions] == ["public-key.register", "public-key.remove"]


def test_removing_a_key_there_ends_what_it_made_valid(repository: Repository, page: Client) -> None:
    key = trust(repository, ALICE)
    web = push_image(repository)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))

    chosen = {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"}
    assert page.post(KEYS, chosen).status_code == 302

    assert Verdict.objects.get().state == State.UNVERIFIABLE


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pem": "nonsense"}, "expected one public key in PEM form"),
        ({"name": "A key"}, "cannot be used"),
    ],
)
def test_what_is_refused_is_explained(
    repository: Repository, page: Client, changed: dict[str, str], why: str
) -> None:
    form = {"namespace": repository.namespace_id, "name": "release", "pem": ALICE.pem, **changed}

    response = page.post(f"{KEYS}add/", form)

    assert why in response.content.decode()
    assert not PublicKey.objects.exists()


def test_a_key_that_is_there_already_is_explained(repository: Repository, page: Client) -> None:
    trust(repository, ALICE)
    form = {"namespace": repository.namespace_id, "name": "again", "pem": ALICE.pem}

    response = page.post(f"{KEYS}add/", form, follow=True)

    assert "registered this key already, as release" in response.content.decode()


def test_the_requirement_of_a_repository_is_set_and_audited(
    repository: Repository, page: Client
) -> None:
    address = f"/admin/repositories/repository/{repository.pk}/change/"
    form = {"description": "", "is_public": "", "artifact_policy": ""}
    formset = {"grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0}

    response = page.post(address, {**form, **formset, "signature_requirement": "required"})

    assert response.status_code == 302
    repository.refresh_from_db()
    assert repository.signature_requirement == "required"
    assert AuditEvent.objects.filter(action="repository.signatures").count() == 1


def test_verdicts_and_counts_can_be_looked_at(repository: Repository, page: Client) -> None:
    web = push_image(repository)
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))

    for model in ("verdict", "unsignedpulls", "publickey"):
        assert page.get(f"/admin/verification/{model}/?q=acme").status_code == 200
    assert (
        page.get(f"/admin/verification/verdict/{Verdict.objects.get().pk}/change/").status_code
        == 200
    )
