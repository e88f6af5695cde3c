"""``expire_tag REPOSITORY:TAG``: say when a tag expires, or that it does not."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.commands import COMMAND_LINE, sentences
from artifacts.oci.lifetimes import LifetimeInvalid, parse_lifetime
from registry.tags.commands import add_tag_argument, repository_and_tag
from registry.tags.services import set_expiry


class Command(BaseCommand):
    help = "Let a tag expire at a moment, after a while, or never."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tag_argument(parser)
        moment = parser.add_mutually_exclusive_group(required=True)
        moment.add_argument("--in", dest="lifetime", metavar="LIFETIME", help="such as 2w")
        moment.add_argument("--at", metavar="MOMENT", help="such as 2027-01-31T12:00 (UTC)")
        moment.add_argument("--never", action="store_true")

    def handle(self, *, tag: str, **options: Any) -> None:
        repository, name = repository_and_tag(tag)
        now = timezone.now()
        with sentences():
            set_expiry(
                repository=repository,
                name=name,
                expires_at=(moment := _moment(options, now)),
                now=now,
                by=COMMAND_LINE,
            )
        when = f"expires on {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "does not expire"
        self.stdout.write(f"{repository.path}:{name} {when}")


def _moment(options: dict[str, Any], now: datetime) -> datetime | None:
    if options["never"]:
        return None
    if options["lifetime"] is not None:
        try:
            return now + parse_lifetime(options["lifetime"])
        except LifetimeInvalid as error:
            raise CommandError(str(error)) from error
    try:
        moment = parse_datetime(options["at"])
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{options['at']} is no moment: write it like 2027-01-31T12:00")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
