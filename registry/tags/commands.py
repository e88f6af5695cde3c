"""What the commands about tags share: names to rows."""

from django.core.management.base import CommandError, CommandParser

from accounts.commands import sentences
from artifacts.oci.errors import NameInvalid
from artifacts.oci.names import parse_tag
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path


def add_tag_argument(parser: CommandParser) -> None:
    parser.add_argument("tag", metavar="REPOSITORY:TAG", help="such as acme/web:v1")


def repository_named(name: str) -> Repository:
    """The repository with its namespace."""
    try:
        path = repository_path(name)
    except NameInvalid as error:
        raise CommandError(error.reason) from error
    repository = Repository.objects.select_related("namespace").filter(path=path).first()
    if repository is None:
        raise CommandError(f"there is no repository {path}")
    return repository


def repository_and_tag(text: str) -> tuple[Repository, str]:
    name, colon, tag = text.rpartition(":")
    if not colon:
        raise CommandError(f"{text} names no tag: write REPOSITORY:TAG, such as acme/web:v1")
    with sentences():
        return repository_named(name), parse_tag(tag)
