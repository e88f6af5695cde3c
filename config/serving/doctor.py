"""Looks at everything a running Berth needs, and says what to do about what is wrong.

Each examination returns what it found in a few words, or raises ``Trouble`` with the cure.
"""

import os
import smtplib
import socket
import ssl
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography import x509
from django.conf import settings
from django.db import DatabaseError, connection
from kombu import Connection

from accounts.credentials.keys import signing_key
from accounts.credentials.models import SigningKey
from accounts.mail.delivery import try_server
from artifacts.oci.errors import OCIError, StorageFull
from config.serving.processes import ROOT_CERTIFICATE, SERVER_CERTIFICATE
from config.web_server.limits import MOST_CONNECTIONS, most_connections, raise_open_files
from registry.queue.models import Message
from registry.statistics.models import ServerProcess
from registry.statistics.processes import GONE_AFTER
from registry.statistics.readiness import pending_migrations
from registry.storage.base import StorageUnavailable
from registry.storage.files import disk_of
from registry.storage.select import s3_store

_FREE_BYTES = 1024**3
_CLOCK_DIFFERENCE_SECONDS = 5
_BROKER_TIMEOUT_SECONDS = 5
_PROBE = b"probe"
_MAX_SAID = 300
_PUBLIC_FILES = frozenset({ROOT_CERTIFICATE})


class Trouble(Exception):
    """Something is wrong: what, and what to do about it."""

    def __init__(self, what: str, *, cure: str) -> None:
        super().__init__(what)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    is_fine: bool
    text: str
    cure: str = ""


def examine(*, now: datetime) -> Iterator[Finding]:
    """Run every examination, also those after one that failed."""
    examinations: dict[str, Callable[[datetime], str]] = {
        "data folder": _data_folder,
        "database": _database,
        "storage": _storage,
        "broker": _broker,
        "signing key": _signing_key,
        "clock": _clock,
        "host name": _host_name,
        "proxies": _proxies,
        "connections": _connections,
        "mail": _mail,
    }
    for name, look in examinations.items():
        try:
            yield Finding(name, True, look(now))
        except Trouble as trouble:
            yield Finding(name, False, str(trouble), trouble.cure)
        except DatabaseError as error:
            yield Finding(name, False, _line(error), "Repair the database first (see above).")


def require_bucket() -> None:
    """Raise ``StorageUnavailable`` when the bucket does not answer, or not to us."""
    s3_store(_bucket_parameters()).require()


def try_bucket() -> str:
    """Write, read, list and delete in the bucket; tell where that went well."""
    store = s3_store(_bucket_parameters())
    store.require()
    key = f"doctor/{uuid4().hex}"
    store.bucket.put(key, _PROBE)
    try:
        content = b"".join(store.read(key, 0, len(_PROBE)))
        listed = [entry.key for page in store.bucket.objects("doctor") for entry in page]
    finally:
        store.delete(key)
    if content != _PROBE or key not in listed:
        raise StorageUnavailable(why="it lost what was written")
    return f"the bucket {_bucket_name()} can be written, read, listed and deleted from"


def bucket_problem(error: OCIError) -> str:
    """What is wrong, for an administrator."""
    why = getattr(error, "why", "") or error.reason
    return f"the bucket {_bucket_name()}: {' '.join(why.split()).rstrip('.')}"


def _database(_: datetime) -> str:
    try:
        pending = pending_migrations()
    except DatabaseError as error:
        raise Trouble(
            f"cannot be used: {_line(error)}", cure="Start the database, or correct DB_URI."
        ) from error
    if pending:
        raise Trouble(f"{pending} migrations are not applied", cure="Run: python manage.py migrate")
    return f"{connection.vendor} answers, all migrations are applied"


def _storage(_: datetime) -> str:
    if settings.BLOB_STORE_ROOT is None:
        return _bucket()
    return _disk(settings.BLOB_STORE_ROOT)


def _bucket() -> str:
    try:
        return try_bucket()
    except (StorageUnavailable, StorageFull) as error:
        raise Trouble(
            bucket_problem(error),
            cure="Correct DISTRIBUTED_STORAGE_CONFIG, or the rights and the room in the bucket."
            " See docs/storage.md.",
        ) from error


def _bucket_name() -> str:
    parameters = _bucket_parameters()
    place = parameters["endpoint_url"] or "AWS"
    return f"{parameters['s3_bucket']} at {place}"


def _bucket_parameters() -> dict[str, str]:
    name = settings.DISTRIBUTED_STORAGE_PREFERENCE[0]
    parameters: dict[str, str] = settings.DISTRIBUTED_STORAGE_CONFIG[name][1]
    return parameters


def _disk(root: Path) -> str:
    if root.is_relative_to(settings.DATA_DIR) and not settings.DATA_DIR.is_dir():
        raise Trouble(f"{root} is not there", cure="Find the data folder first (see above).")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=root, prefix=".doctor-") as probe:
            probe.write(_PROBE)
            probe.flush()
            os.fsync(probe.fileno())
            was_kept = Path(probe.name).read_bytes() == _PROBE
        free = disk_of(root).free
    except OSError as error:
        raise Trouble(
            f"{root} cannot be written: {error.strerror}",
            cure="Give Berth's user the right to write there, or correct"
            " DISTRIBUTED_STORAGE_CONFIG.",
        ) from error
    if not was_kept:
        raise Trouble(f"{root} lost what was written", cure="Check the disk.")
    if free < _FREE_BYTES:
        raise Trouble(
            f"{root} has only {free // 1024**2} MiB left", cure="Make room or add a larger disk."
        )
    return f"{root} can be written, read and deleted; {free // 1024**3} GiB are free"


def _broker(_: datetime) -> str:
    if settings.BERTH.BROKER_URL == "django://":
        if parked := Message.objects.filter(is_parked=True).count():
            raise Trouble(
                f"{parked} jobs were given up after several attempts",
                cure="Look for their errors in the log, then retry or delete them in the"
                " administration pages under Messages.",
            )
        return f"in the database; {Message.objects.count()} jobs wait"
    try:
        with Connection(
            settings.BERTH.BROKER_URL, connect_timeout=_BROKER_TIMEOUT_SECONDS
        ) as broker:
            broker.ensure_connection(max_retries=1, timeout=_BROKER_TIMEOUT_SECONDS)
    except Exception as error:
        raise Trouble(
            f"does not answer: {_line(error)}", cure="Start the broker, or correct BROKER_URL."
        ) from error
    return "answers"


def _signing_key(now: datetime) -> str:
    if not SigningKey.objects.exists():
        raise Trouble(
            "there is none", cure="Start Berth once, for example with: python manage.py serve"
        )
    try:
        key = signing_key(now=now)
    except Exception as error:
        raise Trouble(
            f"cannot be read: {_line(error)}",
            cure="SECRET_KEY is not the one that the signing key was stored with. Restore it.",
        ) from error
    return f"tokens are signed with {key.kid}"


def _clock(now: datetime) -> str:
    with tempfile.NamedTemporaryFile(prefix="berth-doctor-") as probe:
        _compare("the file system", datetime.fromtimestamp(Path(probe.name).stat().st_mtime, UTC))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            _compare("the database", cursor.fetchone()[0])
    return f"{now:%Y-%m-%d %H:%M:%S} UTC, the same everywhere"


def _compare(whose: str, theirs: datetime) -> None:
    difference = abs((theirs - datetime.now(UTC)).total_seconds())
    if difference > _CLOCK_DIFFERENCE_SECONDS:
        raise Trouble(
            f"differs from that of {whose} by {difference:.0f} s",
            cure="Keep the clocks of all machines right, for example with chrony.",
        )


def _host_name(now: datetime) -> str:
    if not settings.BERTH.SERVER_HOSTNAME:
        return _host_names(now)
    host = urlsplit(f"//{settings.BERTH.SERVER_HOSTNAME}").hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        raise Trouble(
            f"{host} does not resolve", cure="Add it to DNS, or correct SERVER_HOSTNAME."
        ) from error
    file = Path(settings.BERTH.TLS_CERTIFICATE or settings.DATA_DIR / SERVER_CERTIFICATE)
    others = _seen(now, "refused_host")
    refused = f"; {others} was asked for and refused (see ALLOWED_HOSTS)" if others else ""
    if not file.exists():
        return f"{host} resolves{refused}"
    _check_certificate(file, host, now)
    return f"{host} resolves and matches the certificate {file}{refused}"


def _host_names(now: datetime) -> str:
    """Which names are answered where ``SERVER_HOSTNAME`` names none."""
    if "*" in settings.BERTH.ALLOWED_HOSTS:
        return "SERVER_HOSTNAME is not set, and ALLOWED_HOSTS lets requests ask for any name"
    if not settings.BERTH.ALLOWED_HOSTS and (host := _seen(now, "refused_host")):
        raise Trouble(
            f"a request for {host} was refused, and SERVER_HOSTNAME is not set",
            cure="If that is a name of this registry, set SERVER_HOSTNAME to it; list further"
            " names in ALLOWED_HOSTS.",
        )
    listed = ", ".join(settings.BERTH.ALLOWED_HOSTS) or "names that nobody can register"
    return f"SERVER_HOSTNAME is not set: IP addresses, localhost and {listed} are answered"


def _seen(now: datetime, what: str) -> str:
    """What a living process saw last, if any did."""
    alive = ServerProcess.objects.filter(seen_at__gte=now - GONE_AFTER).exclude(**{what: ""})
    return alive.order_by("-seen_at").values_list(what, flat=True).first() or ""


def _proxies(now: datetime) -> str:
    if settings.BERTH.TRUSTED_PROXIES:
        return f"{', '.join(map(str, settings.BERTH.TRUSTED_PROXIES))} may say who calls"
    if address := _seen(now, "ignored_proxy"):
        raise Trouble(
            f"forwarded headers came from {address} and were ignored",
            cure="If a proxy of yours is there, name its network in TRUSTED_PROXIES: all who come"
            " through it share one address until then, also for the brake on wrong passwords.",
        )
    return "none are trusted, and none were seen"


def _connections(_: datetime) -> str:
    files = raise_open_files()
    connections = most_connections(files)
    if connections < MOST_CONNECTIONS:
        raise Trouble(
            f"a web process keeps at most {connections} connections, since it may open {files}"
            " files",
            cure="Raise the hard limit of open files where Berth is started, for example with"
            " LimitNOFILE=65536 in its systemd unit, or --ulimit nofile=65536 for a container.",
        )
    return f"a web process keeps up to {connections}"


def _mail(_: datetime) -> str:
    berth = settings.BERTH
    if not berth.FEATURE_MAILING:
        return "none is sent, since FEATURE_MAILING is false"
    server = f"{berth.MAIL_SERVER}:{berth.MAIL_PORT}"
    try:
        try_server()
    except OSError as error:
        what, cure = _mail_trouble(error)
        raise Trouble(f"{server} {what}", cure=cure) from error
    encrypted = "encrypted" if berth.MAIL_USE_TLS else "not encrypted"
    login = f"the login of {berth.MAIL_USERNAME} is right" if berth.MAIL_USERNAME else "no login"
    return f"{server} answers, {encrypted}, {login}"


def _mail_trouble(error: OSError) -> tuple[str, str]:
    match error:
        case smtplib.SMTPAuthenticationError():
            return (
                f"refuses the login of {settings.BERTH.MAIL_USERNAME}: {_line(error)[:_MAX_SAID]}",
                "Correct MAIL_USERNAME and MAIL_PASSWORD.",
            )
        case smtplib.SMTPNotSupportedError():
            return (
                f"does not offer what is configured: {_line(error)[:_MAX_SAID]}",
                "Set MAIL_USE_TLS to false for a server without encryption, or empty MAIL_USERNAME"
                " for one without logins.",
            )
        case ssl.SSLError():
            return (
                f"cannot be spoken to in TLS: {_line(error)[:_MAX_SAID]}",
                "Correct MAIL_PORT, have the certificate trusted by this machine, or name its root"
                " in SSL_CERT_FILE.",
            )
        case socket.gaierror():
            return "does not resolve", "Add it to DNS, or correct MAIL_SERVER."
    return (
        f"does not answer as a mail server: {_line(error)[:_MAX_SAID]}",
        "Start the mail server, or correct MAIL_SERVER, MAIL_PORT and MAIL_USE_TLS.",
    )


def _data_folder(_: datetime) -> str:
    if not settings.HAS_DATA_DIR:
        return "none is needed, since nothing is kept on this machine"
    if not settings.DATA_DIR.is_dir():
        raise Trouble(
            f"there is no data folder {settings.DATA_DIR}",
            cure="Name the right one with BERTH_DATA=FOLDER, or make it: python manage.py serve",
        )
    mode = stat.S_IMODE(settings.DATA_DIR.stat().st_mode)
    if mode & 0o077:
        raise Trouble(
            f"{settings.DATA_DIR} can be entered by other users of this machine",
            cure=f"Run: chmod 700 {settings.DATA_DIR}",
        )
    if open_files := sorted(
        path.name
        for path in settings.DATA_DIR.iterdir()
        if path.is_file()
        and path.name not in _PUBLIC_FILES
        and stat.S_IMODE(path.stat().st_mode) & 0o077
    ):
        raise Trouble(
            f"{', '.join(open_files)} in {settings.DATA_DIR} can be read by other users",
            cure=f"Run: chmod -R go= {settings.DATA_DIR}",
        )
    return f"{settings.DATA_DIR} is for its owner only"


def _check_certificate(file: Path, host: str, now: datetime) -> None:
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    if certificate.not_valid_after_utc <= now:
        raise Trouble(f"the certificate {file} has expired", cure="Renew it and start again.")
    if not _covers(certificate, host):
        raise Trouble(
            f"the certificate {file} is not for {host}",
            cure="Correct SERVER_HOSTNAME, or make a certificate for it.",
        )


def _covers(certificate: x509.Certificate, host: str) -> bool:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    patterns = names.get_values_for_type(x509.DNSName)
    parent = host.partition(".")[2]
    return host in {*addresses, *patterns} or f"*.{parent}" in patterns


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
