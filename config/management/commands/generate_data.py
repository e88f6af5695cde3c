"""``generate_data``: fill a registry with made-up repositories and tags, to measure its pages."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.generated import MANY_TAGS, ORGANIZATION, generate
from registry.repositories.models import Repository

MOST_REPOSITORIES = 100_000
MOST_TAGS = 1_000_000


class Command(BaseCommand):
    help = (
        f"Make an organization {ORGANIZATION} with many small repositories, and one of them,"
        f" {MANY_TAGS}, with many tags. Their manifests are real, and can be pulled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repositories", type=int, default=10_000, help="how many")
        parser.add_argument("--tags", type=int, default=100_000, help="how many in one of them")
        parser.add_argument(
            "--yes", action="store_true", help="also where there are repositories already"
        )

    def handle(self, *, repositories: int, tags: int, yes: bool, **_: Any) -> None:
        if not 1 <= repositories <= MOST_REPOSITORIES:
            raise CommandError(f"--repositories takes 1 to {MOST_REPOSITORIES}")
        if not 1 <= tags <= MOST_TAGS:
            raise CommandError(f"--tags takes 1 to {MOST_TAGS}")
        if Repository.objects.filter(namespace__name=ORGANIZATION).exists():
            raise CommandError(f"the organization {ORGANIZATION} has repositories already")
        if not yes and Repository.objects.exists():
            raise CommandError(
                "this registry has content; to add made-up repositories to it, say --yes"
            )
        generate(repositories=repositories, tags=tags, now=timezone.now())
        self.stdout.write(
            f"made {repositories} repositories in {ORGANIZATION}, and {tags} tags in {MANY_TAGS}"
        )
