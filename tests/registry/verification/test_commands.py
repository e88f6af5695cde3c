"""The commands for keys, requirements and verdicts."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.verification.models import PublicKey
from registry.verification.pulls import SignatureRequired, admit_pull
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import NOW
from tests.registry.verification.signed import attach_by_subject, attach_by_tag, push_image, trust

pytestmark = pytest.mark.django_db

ALICE = Signer()


def said(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def web(repository: Repository) -> Manifest:
    return push_image(repository)


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "cosign.pub"
    path.write_text(ALICE.pem)
    return str(path)


def test_keys_are_added_listed_and_removed(repository: Repository, key_file: str) -> None:
    line = f"ECDSA P-256  {ALICE.key.fingerprint}"

    added = said("signature_keys", "add", "acme", "release", key_file)

    assert added == f"acme trusts the key release: {line}\n"
    assert said("signature_keys", "list", "acme") == f"release  {line}\n"
    assert PublicKey.objects.get().added_by == "command line"
    said("signature_keys", "remove", "acme", "release")
    assert said("signature_keys", "list", "acme") == ""


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["add", "nobody", "release", "FILE"], "there is no user or organization 'nobody'"),
        (["add", "acme", "release", "nowhere"], "nowhere cannot be read: No such file"),
        (["add", "acme", "release", __file__], "expected one public key in PEM form"),
        (["remove", "acme", "release"], "acme has no key release"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    repository: Repository, key_file: str, arguments: list[str], why: str
) -> None:
    named = [key_file if one == "FILE" else one for one in arguments]

    with pytest.raises(CommandError, match=why):
        said("signature_keys", *named)


def test_a_repository_is_made_to_require_signatures(repository: Repository, web: Manifest) -> None:
    answer = said("require_signatures", "acme/web", "required")

    assert answer == "acme/web: required: refuse what has no valid signature\n"
    repository.refresh_from_db()
    with pytest.raises(SignatureRequired):
        admit_pull(repository=repository, digest=web.digest, now=NOW)
    event = AuditEvent.objects.get(action="repository.signatures")
    assert (event.actor, event.target) == ("command line", "acme/web")
    with pytest.raises(CommandError, match="there is no repository acme/other"):
        said("require_signatures", "acme/other", "none")


def test_the_tags_of_a_repository_are_shown_with_their_verdicts(
    repository: Repository, web: Manifest
) -> None:
    trust(repository, ALICE)
    unsigned = push_image(repository, "v2", name="unsigned")
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    said("require_signatures", "acme/web", "report")
    repository.refresh_from_db()
    admit_pull(repository=repository, digest=unsigned.digest, now=NOW)

    assert said("signatures", "acme/web").splitlines() == [
        "acme/web: report: count the pulls that would be refused",
        f"  v1  {web.digest}  valid, by the key release",
        f"  v2  {unsigned.digest}  not signed",
        f"  2026-03-01: 1 to refuse, last {unsigned.digest}",
    ]


@pytest.mark.parametrize("form", ["acme/web:v1", "acme/web@{digest}"])
def test_everything_attached_to_a_manifest_is_shown(
    repository: Repository, web: Manifest, form: str
) -> None:
    trust(repository, ALICE)
    signature = attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    sbom = attach_by_subject(
        repository, web.digest, Layer("text/spdx", b"x"), artifactType="text/spdx"
    )

    assert said("signatures", form.format(digest=web.digest)).splitlines() == [
        f"acme/web@{web.digest}: valid, by the key release",
        f"  signatures: {signature.digest}  {web.digest.replace(':', '-')}.sig",
        f"    valid: by the key release ({ALICE.key.fingerprint})",
        f"  SBOMs: {sbom.digest}  text/spdx",
    ]


def test_the_keys_of_now_decide_what_is_shown(repository: Repository, web: Manifest) -> None:
    attach_by_tag(repository, web.digest, ALICE.simple(web.digest))
    assert "no key is registered" in said("signatures", "acme/web:v1")

    trust(repository, ALICE)

    assert "valid, by the key release" in said("signatures", "acme/web:v1")


@pytest.mark.parametrize("name", ["acme/web:v9", "acme/web@sha256:x", "acme/other", "acme/web:a b"])
def test_what_is_not_there_is_said(repository: Repository, web: Manifest, name: str) -> None:
    with pytest.raises(CommandError):
        said("signatures", name)
