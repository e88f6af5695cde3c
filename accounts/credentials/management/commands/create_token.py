"""``create_token USER --name TITLE``: make an application token."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.commands import COMMAND_LINE, sentences, user_named
from accounts.credentials.models import TokenScope
from accounts.credentials.principals import read_scopes
from accounts.credentials.services import issue_application_token
from artifacts.oci.lifetimes import LifetimeInvalid, parse_lifetime


class Command(BaseCommand):
    help = "Create an application token of a user, to log in with as '$app', and show it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="whose rights it carries")
        parser.add_argument("--name", dest="title", required=True, help="what it is for")
        most = parser.add_mutually_exclusive_group()
        most.add_argument(
            "--scope",
            choices=[scope for scope in TokenScope.values if scope != TokenScope.NONE],
            default="write",
            help="the most it may do",
        )
        most.add_argument(
            "--scopes",
            default="",
            help="what it may be used for, as Quay's OAuth scopes: 'repo:admin org:admin'",
        )
        parser.add_argument("--expires-in", help="for example 90d, 12h or 1y; without it: never")

    def handle(
        self,
        *,
        user: str,
        title: str,
        scope: Any,
        scopes: str,
        expires_in: str | None,
        **_: Any,
    ) -> None:
        if not title.strip():
            raise CommandError("--name needs a word about what the token is for")
        now = timezone.now()
        with sentences():
            token = issue_application_token(
                user=user_named(user),
                title=title,
                scope=scope,
                scopes=read_scopes(scopes) if scopes else frozenset(),
                expires_at=None if expires_in is None else now + _lifetime(expires_in),
                now=now,
                by=COMMAND_LINE,
            )
        self.stdout.write(f"created the token {title!r} of {user}; it is shown only now:")
        self.stdout.write(token)


def _lifetime(text: str) -> timedelta:
    try:
        lifetime = parse_lifetime(text)
    except LifetimeInvalid as error:
        raise CommandError(str(error)) from error
    if not lifetime:
        raise CommandError(f"{text} is no lifetime of a token: it would end at once")
    return lifetime
