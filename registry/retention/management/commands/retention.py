"""``retention REPOSITORY|ORGANIZATION``: say what the retention rules remove, or remove it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, namespace_named, sentences
from registry.repositories.models import Repository
from registry.retention import services
from registry.retention.selection import rules_of
from registry.tags.commands import repository_named


class Command(BaseCommand):
    help = (
        "Show each tag with the retention rule that keeps or removes it. Removed tags can be"
        " restored while the time machine holds them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name", metavar="REPOSITORY|ORGANIZATION", help="such as acme/web, or acme for all"
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--preview", action="store_true", help="change nothing (the default)")
        mode.add_argument("--run", action="store_true", help="remove what the rules remove")

    def handle(self, *, name: str, run: bool, **_: Any) -> None:
        now = timezone.now()
        for repository in _repositories(name):
            self._show(repository, now)
            if run:
                self._run(repository, now)

    def _show(self, repository: Repository, now: datetime) -> None:
        rule_set = rules_of(repository)
        whose = f"rules of {rule_set.place}" if rule_set.place else "no rules"
        self.stdout.write(f"{repository.path}: {whose}")
        for number, rule in enumerate(rule_set.rules, 1):
            self.stdout.write(f"  rule {number}: {rule}")
        for decision in services.preview(repository=repository, now=now):
            verdict = "keep  " if decision.is_kept else "remove"
            self.stdout.write(f"  {verdict}  {decision.tag.name}  {decision.reason}")

    def _run(self, repository: Repository, now: datetime) -> None:
        with sentences():
            outcome = services.run(repository=repository, now=now, by=COMMAND_LINE)
        self.stdout.write(
            f"{repository.path}: removed {outcome.tags} tags, and {outcome.companions}"
            " with the manifests that they were attached to"
        )


def _repositories(name: str) -> Iterator[Repository]:
    if "/" in name:
        yield repository_named(name)
        return
    with sentences():
        namespace = namespace_named(name)
    theirs = Repository.objects.select_related("namespace").filter(namespace=namespace)
    if not theirs.exists():
        raise CommandError(f"{name} has no repositories")
    yield from theirs.order_by("path").iterator()
