"""``signatures REPOSITORY[:TAG|@DIGEST]``: what is signed, by whom, and what else is attached."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from artifacts.oci.companions import cosign_subject
from artifacts.oci.digest import Digest
from artifacts.oci.errors import OCIError
from artifacts.oci.names import Reference
from registry.manifests.reads import resolve_manifest
from registry.repositories.models import Repository, SignatureRequirement
from registry.tags.models import Tag
from registry.verification.checking import looked_at
from registry.verification.models import UnsignedPulls
from registry.verification.reads import Attachment, summary_of


class Command(BaseCommand):
    help = "Show which tags of a repository are signed, or everything attached to one manifest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAMESPACE/NAME[:TAG|@DIGEST]")

    def handle(self, *, name: str, **_: Any) -> None:
        now = timezone.now()
        repository, reference = _split(name)
        if reference:
            self._show_manifest(repository, reference, now)
        else:
            self._show_repository(repository, now)

    def _show_repository(self, repository: Repository, now: datetime) -> None:
        requirement = SignatureRequirement(repository.signature_requirement)
        self.stdout.write(f"{repository.path}: {requirement.label}")
        tags = Tag.objects.alive(at=now).filter(repository=repository).order_by("name")
        for name, digest in tags.values_list("name", "manifest__digest").iterator():
            if cosign_subject(name):
                continue
            attachments = looked_at(repository, Digest.parse(digest), now=now)
            self.stdout.write(f"  {name}  {digest}  {summary_of(attachments.signatures)}")
        counts = UnsignedPulls.objects.filter(repository=repository).order_by("-day", "requirement")
        for row in counts[:7]:
            verb = "refused" if row.requirement == SignatureRequirement.REQUIRED else "to refuse"
            self.stdout.write(f"  {row.day}: {row.count} {verb}, last {row.last_digest}")

    def _show_manifest(self, repository: Repository, reference: str, now: datetime) -> None:
        try:
            manifest = resolve_manifest(
                repository=repository,
                reference=Reference.parse(reference),
                with_body=False,
                now=now,
            )
        except OCIError as error:
            raise CommandError(error.reason) from error
        attachments = looked_at(repository, Digest.parse(manifest.digest), now=now)
        self.stdout.write(
            f"{repository.path}@{manifest.digest}: {summary_of(attachments.signatures)}"
        )
        self._show("signatures", attachments.signatures)
        self._show("attestations", attachments.attestations)
        self._show("SBOMs", attachments.sboms)
        self._show("other", attachments.other)
        if attachments.left_out:
            self.stdout.write(f"  and {attachments.left_out} more")

    def _show(self, heading: str, attachments: Iterable[Attachment]) -> None:
        for attachment in attachments:
            where = "listed by the index" if attachment.is_in_index else ""
            what = attachment.tag or where or attachment.manifest.artifact_type
            self.stdout.write(f"  {heading}: {attachment.digest}  {what}")
            for verdict in attachment.verdicts:
                key = verdict.key
                why = f"by the key {key.name} ({key.fingerprint})" if key else verdict.reason
                self.stdout.write(f"    {verdict.state}: {why}")


def _split(name: str) -> tuple[Repository, str]:
    path, separator, reference = name.partition("@" if "@" in name else ":")
    if separator and not reference:
        raise CommandError(f"{name} ends where a tag or a digest should stand")
    repository = Repository.objects.filter(path=path).first()
    if repository is None:
        raise CommandError(f"there is no repository {path}")
    return repository, reference
