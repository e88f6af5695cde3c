"""``check_policy FILE|REPOSITORY:TAG`` and ``check_policy --report``: what a policy would do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.users.models import Namespace
from artifacts.kinds.kinds import kind_of
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError
from artifacts.oci.names import Reference
from artifacts.policy.configured import configured_policy
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.rules import Policy
from registry.manifests.policy import judged_manifests, refusal_of
from registry.manifests.reads import resolve_manifest
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.repositories.policies import POLICIES, selected_policy


class Command(BaseCommand):
    help = (
        "Say what an artifact policy would do with a manifest, or with everything that is stored."
        " Ends with 1 when a manifest would be refused. What is stored can always be pulled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "manifest",
            nargs="?",
            metavar="FILE|REPOSITORY:TAG",
            help="a file with a manifest, or one in the registry, by tag or by @DIGEST",
        )
        parser.add_argument(
            "--policy",
            metavar="NAME",
            help="judge by this policy, and not by the one in force; 'configuration': by the"
            " configuration's",
        )
        parser.add_argument(
            "--report",
            nargs="?",
            const="",
            metavar="REPOSITORY|ORGANIZATION",
            help="list what is stored and would no longer be accepted, here or everywhere",
        )

    def handle(
        self, *, manifest: str | None, policy: str | None, report: str | None, **options: Any
    ) -> None:
        if (manifest is None) == (report is None):
            raise CommandError("give either a manifest (a file or REPOSITORY:TAG) or --report")
        named_policy = _policy_named(policy) if policy else None
        try:
            if manifest is None:
                self._report(str(report), named_policy)
            elif _is_file(manifest):
                document = ManifestDocument.parse(Path(manifest).read_bytes(), "")
                self._judge(document, named_policy or configured_policy())
            else:
                repository, document = _stored(manifest)
                self._judge(document, named_policy or selected_policy(repository))
        except OCIError as error:
            raise CommandError(error.reason) from error

    def _judge(self, document: ManifestDocument, policy: Policy) -> None:
        self.stdout.write(f"Policy: {policy}")
        self.stdout.write(f"Kind: {kind_of(document)}")
        if refusal := refusal_of(policy, document):
            raise CommandError(f"Refused: {refusal.reason}")
        note = "; the manifests it lists are judged themselves" if document.manifests else ""
        self.stdout.write(f"Accepted{note}")

    def _report(self, scope: str, named_policy: Policy | None) -> None:
        total = refused = 0
        for repository in _repositories(scope):
            policy = named_policy or selected_policy(repository)
            for judged in judged_manifests(
                repository=repository, policy=policy, now=timezone.now()
            ):
                total += 1
                if judged.reason:
                    refused += 1
                    tags = f" ({', '.join(judged.tags)})" if judged.tags else ""
                    self.stdout.write(f"{repository.path}@{judged.digest}{tags}: {judged.reason}")
        self.stdout.write(
            f"{refused} of {total} stored manifests would no longer be accepted."
            " All of them can still be pulled."
        )


def _is_file(text: str) -> bool:
    """A name may be too long for a file, or hold what no name of a file holds."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _policy_named(name: str) -> Policy:
    if name == "configuration":
        return configured_policy()
    row = ArtifactPolicy.objects.filter(name=name).first()
    if row is None:
        names = ArtifactPolicy.objects.order_by("name").values_list("name", flat=True)
        choices = ", ".join(["configuration", *names])
        raise CommandError(f"there is no artifact policy {name!r}; there are: {choices}")
    return row.as_policy("chosen with --policy")


def _stored(text: str) -> tuple[Repository, ManifestDocument]:
    """The manifest that ``REPOSITORY:TAG`` or ``REPOSITORY@DIGEST`` stands for."""
    name, _, reference = text.partition("@") if "@" in text else text.rpartition(":")
    if not name or not reference:
        raise CommandError(f"there is no file {text}; a stored manifest is named REPOSITORY:TAG")
    path = repository_path(name)
    repository = Repository.objects.select_related(*POLICIES).filter(path=path).first()
    if repository is None:
        raise CommandError(f"there is neither a file {text} nor a repository {path}")
    manifest = resolve_manifest(
        repository=repository,
        reference=Reference.parse(reference),
        with_body=True,
        now=timezone.now(),
    )
    return repository, manifest.document()


def _repositories(scope: str) -> Iterator[Repository]:
    """All repositories, those of an organization or user, or the one of that name."""
    repositories = Repository.objects.select_related(*POLICIES).order_by("path")
    if "/" in scope:
        repositories = repositories.filter(path=repository_path(scope))
        if not repositories.exists():
            raise CommandError(f"there is no repository {scope}")
    elif scope:
        if not Namespace.objects.filter(name=scope).exists():
            raise CommandError(f"there is no organization, user or repository {scope}")
        repositories = repositories.filter(namespace__name=scope)
    return repositories.iterator()
