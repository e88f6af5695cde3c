"""``signature_keys list|add|remove NAMESPACE``: the keys that make signatures valid."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, namespace_named, sentences
from artifacts.signatures.keys import MAX_PEM_BYTES
from registry.verification.models import PublicKey
from registry.verification.services import register_key, remove_key


class Command(BaseCommand):
    help = "Show, add and remove the public keys of a user or an organization."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|add|remove")
        for action in ("list", "add", "remove"):
            arguments = actions.add_parser(action)
            arguments.add_argument("namespace", metavar="NAMESPACE")
            if action != "list":
                arguments.add_argument("name", metavar="NAME", help="such as release")
            if action == "add":
                arguments.add_argument("file", metavar="FILE", help="such as cosign.pub")

    def handle(self, *, action: str, namespace: str, **options: Any) -> None:
        with sentences():
            owner = namespace_named(namespace)
            match action:
                case "add":
                    key = register_key(
                        namespace=owner,
                        name=options["name"],
                        pem=_text(options["file"]),
                        now=timezone.now(),
                        by=COMMAND_LINE,
                    )
                    self.stdout.write(f"{namespace} trusts the key {key.name}: {_line(key)}")
                case "remove":
                    key = _named(namespace, options["name"])
                    remove_key(key=key, now=timezone.now(), by=COMMAND_LINE)
                    self.stdout.write(f"{namespace} does not trust the key {key.name} any more")
                case _:
                    for key in PublicKey.objects.filter(namespace=owner).order_by("name"):
                        self.stdout.write(f"{key.name}  {_line(key)}")


def _line(key: PublicKey) -> str:
    return f"{key.algorithm}  {key.fingerprint}"


def _named(namespace: str, name: str) -> PublicKey:
    keys = PublicKey.objects.select_related("namespace")
    key = keys.filter(namespace__name=namespace, name=name).first()
    if key is None:
        raise CommandError(f"{namespace} has no key {name}; see signature_keys list {namespace}")
    return key


def _text(path: str) -> str:
    try:
        with Path(path).open(encoding="ascii", errors="replace") as file:
            return file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"{path!r} is no name of a file") from error
