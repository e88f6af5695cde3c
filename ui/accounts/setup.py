"""After the first sign-in: what this registry is made of, and what to type next."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts.users.models import User
from registry.storage.files import disk_of
from ui.commands.address import Registry
from ui.commands.login import logins
from ui.commands.push import push_chart, push_image
from ui.display.amounts import bytes_text
from ui.pages import Page

_FREE_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that an administrator decides, as it is now."""

    name: str
    icon: str
    text: str
    warning: str = ""


class SetupPage(Page):
    template = "ui/accounts/setup.html"
    must_sign_in = True
    user: User

    def refusal(self) -> HttpResponseBase | None:
        if not self.user.is_superuser:
            raise PermissionDenied
        return None

    def get(self, request: HttpRequest) -> HttpResponse:
        registry = Registry.of(request)
        return self.render(
            parts=[
                _host(registry.host),
                _tls(registry.is_secure),
                _storage(),
                _database(),
                _broker(),
                _mail(),
            ],
            is_open=settings.BERTH.FEATURE_USER_CREATION is True,
            login_lines=logins(registry, self.user.username)[:3],
            push_lines=[
                push_image(registry, "ORGANIZATION/IMAGE", "IMAGE"),
                push_chart(registry, "CHART.tgz", "ORGANIZATION"),
            ],
        )


def _host(host: str) -> Part:
    if settings.BERTH.SERVER_HOSTNAME:
        return Part("Host name", "globe", f"Clients write {settings.BERTH.SERVER_HOSTNAME}.")
    return Part(
        "Host name",
        "globe",
        f"Not set: you came as {host}.",
        "Set SERVER_HOSTNAME to the name that clients will write. It is the beginning of every"
        " address of an image or chart.",
    )


def _tls(is_secure: bool) -> Part:
    if is_secure:
        whose = "your own certificate" if settings.BERTH.TLS_CERTIFICATE else "TLS"
        return Part("Encryption", "lock", f"This page came over https, by {whose}.")
    return Part(
        "Encryption",
        "lock-open",
        "This page came over http.",
        "Passwords cross the network as plain text. Set TLS_CERTIFICATE and TLS_KEY, start with"
        " TLS=1, or put a proxy with a certificate in front and set PREFERRED_URL_SCHEME: https.",
    )


def _storage() -> Part:
    name = settings.DISTRIBUTED_STORAGE_PREFERENCE[0]
    driver, parameters = settings.DISTRIBUTED_STORAGE_CONFIG[name]
    if driver != "LocalStorage":
        bucket = parameters.get("s3_bucket") or parameters.get("bucket_name", "")
        return Part("Storage", "hard-drive", f"{driver}, bucket {bucket}.")
    folder = Path(parameters["storage_path"])
    free = disk_of(folder).free
    return Part(
        "Storage",
        "hard-drive",
        f"The folder {folder}, {bytes_text(free)} are free.",
        "" if free >= _FREE_BYTES else "Make room or add a larger disk: pushes will soon fail.",
    )


def _database() -> Part:
    database: dict[str, Any] = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        return Part(
            "Database",
            "database",
            f"SQLite, the file {database['NAME']}. Good for one machine; for more, set DB_URI to"
            " a PostgreSQL database.",
        )
    return Part("Database", "database", f"PostgreSQL on {database.get('HOST') or 'this machine'}.")


def _broker() -> Part:
    if settings.BERTH.BROKER_URL == "django://":
        return Part("Background jobs", "list-checks", "Their queue is kept in the database.")
    return Part("Background jobs", "list-checks", "Their queue is kept by Redis.")


def _mail() -> Part:
    if settings.BERTH.FEATURE_MAILING:
        return Part("Mail", "mail", f"Sent by {settings.EMAIL_HOST}.")
    return Part(
        "Mail",
        "mail",
        "Not sent: people who forget their password ask an administrator for a new one. To change"
        " that, set FEATURE_MAILING and MAIL_SERVER.",
    )
