"""Everything that must be true before the server starts: first look, then make.

Nothing is made before all that can be looked at beforehand is fine, and what a failed first start
made is removed again.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper

from accounts.credentials.keys import SigningKeyUnreadable, rotate, signing_key
from accounts.errors import AccountError
from accounts.organizations.services import create_first_administrator
from accounts.users.models import User
from accounts.users.passwords import random_password
from accounts.users.services import ADMINISTRATOR, create_user
from config.keys.paths import COLLECTED_DIR
from config.serving import scratch, tls
from config.serving.doctor import bucket_problem, require_bucket
from config.serving.processes import ROLES, ROOT_CERTIFICATE, Options, ServedCertificate
from registry.statistics.processes import are_any_alive
from registry.statistics.readiness import pending_migrations
from registry.storage.base import StorageUnavailable

_SECRET_KEY_BYTES = 48
_CONNECT_SECONDS = 5
_TURN = 0x6265727468  # "berth": whoever has this advisory lock prepares the database
_TURN_SECONDS = 600
_ASK_AGAIN_SECONDS = 0.2
_STATIC_STAMP = ".stamp"


_WRITABLE: Final = (
    " BERTH_DATA must name a folder that can be written to; leave it out where SECRET_KEY, database"
    " and store are elsewhere."
)


class StartRefused(Exception):
    """Berth cannot start here. One sentence that says why and what to do."""


def check(options: Options) -> None:
    """Look whether Berth can start. Changes nothing."""
    _check_data_folder(options)
    _check_store()
    if "web" in options.roles:
        _check_own_certificate()
        _check_port(options.host, options.port)
    if settings.BERTH.DB_URI.startswith("postgresql://") and (problem := _database_problem()):
        raise StartRefused(problem)


def prepare(
    options: Options, *, admin_password: str, now: datetime, migrates: bool = True
) -> ServedCertificate | None:
    """Make what a start needs and is not there yet; return the certificate to serve with.

    Args:
        migrates: whether to bring the tables to this version; else they must be there.
    """
    with _removed_on_failure(options):
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        locks = lock_folder(options.data, options.roles)
        _make_private(options.data)
        if settings.SECRET_KEY_IS_MISSING:
            # Settings were read before the file was there.
            settings.SECRET_KEY = _make_secret_key(settings.SECRET_KEY_FILE)
        served = None
        if "web" in options.roles:
            _collect_static_files()
            served = _certificate(options, now)
        if migrates:
            call_command("migrate", interactive=False, verbosity=0)  # alone, by itself
        else:
            _require_migrated()
        with alone():
            _ensure_signing_key(now)
            _ensure_administrator(admin_password, now)
    # The supervisor, which this process becomes, keeps the locks until it ends.
    for lock in locks:
        os.set_inheritable(lock, True)
    return served


@contextmanager
def alone() -> Iterator[None]:
    """Meanwhile no other machine prepares the same database: a second one waits for its turn.

    SQLite needs none of it, since a data folder has one Berth. Not to be nested: the inner one
    would wait for the outer. Raises ``StartRefused``.
    """
    if connection.vendor != "postgresql":
        yield
        return
    # A transaction of its own: a lock of a session means nothing behind a pool of transactions.
    waiting = connection.copy()
    try:
        waiting.set_autocommit(False)
        with waiting.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            _take_turn(cursor)
            yield
    finally:
        waiting.rollback()
        waiting.close()


def _require_migrated() -> None:
    if pending := pending_migrations():
        raise StartRefused(
            f"The database lacks {pending} migrations of this version. Make them with"
            " 'berth migrate', or start without --no-migrate."
        )


def _take_turn(cursor: CursorWrapper) -> None:
    """Ask again and again: a statement that waits would itself be waited for, by an index that
    the first one makes beside its writers."""
    until = time.monotonic() + _TURN_SECONDS
    while time.monotonic() < until:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_TURN])
        if cursor.fetchone()[0]:
            return
        time.sleep(_ASK_AGAIN_SECONDS)
    raise StartRefused(
        f"Another Berth has been preparing this database for {_TURN_SECONDS // 60} minutes."
        " Look at its log; then start again."
    )


def _check_store() -> None:
    if settings.BLOB_STORE_ROOT is not None:
        _check_folder(settings.BLOB_STORE_ROOT)
        return
    try:
        require_bucket()
    except StorageUnavailable as error:
        raise StartRefused(
            f"Cannot use the storage of DISTRIBUTED_STORAGE_CONFIG: {bucket_problem(error)}."
            " See docs/storage.md."
        ) from error


def _database_problem() -> str | None:
    """A sentence, when the database of ``DB_URI`` does not answer; else ``None``.

    Asked directly: a pool would keep trying for a while.
    """
    import psycopg

    try:
        psycopg.connect(settings.BERTH.DB_URI, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        return f"Cannot reach the database of DB_URI: {reason}"
    return None


def _check_data_folder(options: Options) -> None:
    needs = scratch.needs_of(options)
    if not settings.HAS_DATA_DIR and not needs:
        scratch.check()
        return
    try:
        _check_folder(options.data)
    except StartRefused as refusal:
        use = f"It is for {', '.join(needs)}" if needs else "BERTH_DATA may be empty here"
        raise StartRefused(f"{refusal} {use}.") from refusal


def _check_folder(folder: Path) -> None:
    """Whether ``folder`` can be written to, or made."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise StartRefused(f"{there} is a file, and a folder is needed there.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StartRefused(
            f"The folder {there} is not writable. Name another one with BERTH_DATA=FOLDER,"
            f" or give this user the right to write there."
        )


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except PermissionError as error:
        raise StartRefused(
            f"This user may not listen on port {port}. Choose one above 1023 with PORT=NUMBER."
        ) from error
    except OSError as error:
        raise StartRefused(
            f"Cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}."
            " Choose another port with PORT=NUMBER, or another address with HOST=ADDRESS."
        ) from error


def _check_own_certificate() -> None:
    if not settings.BERTH.TLS_CERTIFICATE:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.BERTH.TLS_CERTIFICATE, settings.BERTH.TLS_KEY, password="")
    except (OSError, ValueError) as error:
        raise StartRefused(
            f"TLS_CERTIFICATE {settings.BERTH.TLS_CERTIFICATE} and TLS_KEY {settings.BERTH.TLS_KEY}"
            f" cannot be used: {error.args[-1]}."
        ) from error
    if "-----BEGIN PRIVATE KEY-----" not in Path(settings.BERTH.TLS_KEY).read_text():
        raise StartRefused(
            f"TLS_KEY {settings.BERTH.TLS_KEY} must be in PKCS #8 form. Convert it with:"
            f" openssl pkcs8 -topk8 -nocrypt -in {settings.BERTH.TLS_KEY} -out NEW_FILE"
        )


def _is_refusal(error: OSError) -> bool:
    return error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT}


@contextmanager
def _removed_on_failure(options: Options) -> Iterator[None]:
    """Turn what may go wrong into a sentence, and leave no new folder behind."""
    data = options.data
    is_new = options.is_scratch or not data.exists()
    try:
        yield
    except BaseException as error:
        if is_new:
            shutil.rmtree(data, ignore_errors=True)
        match error:
            case OSError():
                place = Path(error.filename or data)
                cure = _WRITABLE if place.is_relative_to(data) and _is_refusal(error) else ""
                raise StartRefused(f"Cannot write {place}: {error.strerror}.{cure}") from error
            case DatabaseError():
                raise StartRefused(f"The database refused to work: {error}") from error
            case CommandError():
                raise StartRefused(str(error)) from error
            case AccountError():
                raise StartRefused(f"Cannot create the administrator: {error}") from error
        raise


def lock_folder(data: Path, roles: Sequence[str] = ROLES) -> list[int]:
    """Keep others of these roles away for as long as this process lives, or the files are open.

    Raises ``StartRefused`` when one is there.
    """
    return [_lock(data, role) for role in roles]


def _lock(data: Path, role: str) -> int:
    """Keep a second Berth of that role away from this folder for as long as this process lives."""
    lock = os.open(data / f"{role}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StartRefused(
            f"Another Berth already runs on the folder {data}. Stop it first,"
            " or name another folder with BERTH_DATA=FOLDER."
        ) from error
    return lock


def _make_secret_key(path: Path) -> str:
    key = secrets.token_urlsafe(_SECRET_KEY_BYTES)
    tls.write_private(path, key.encode())
    return key


def _certificate(options: Options, now: datetime) -> ServedCertificate | None:
    if settings.BERTH.TLS_CERTIFICATE:
        return ServedCertificate(Path(settings.BERTH.TLS_CERTIFICATE), Path(settings.BERTH.TLS_KEY))
    if options.wants_tls:
        return tls.ensure_certificate(data=options.data, names=tls.names_of(options), now=now)
    return None


def _ensure_signing_key(now: datetime) -> None:
    """A key to sign tokens with; a new one where the stored one was sealed under another key."""
    try:
        signing_key(now=now)
    except SigningKeyUnreadable as error:
        if connection.vendor == "postgresql" and are_any_alive(now=now):
            raise StartRefused(
                "Another Berth works on this database with another SECRET_KEY. All that share one"
                " need the same: set SECRET_KEY, or copy the file secret_key of its data folder."
            ) from error
        kid = rotate(now=now)
        print(
            "SECRET_KEY is not the one of this database: tokens are signed with the new key"
            f" {kid}, and whoever has a second factor from an authenticator app needs a new one.",
            flush=True,
        )


def _make_private(data: Path) -> None:
    """Take from others what an earlier start, or a restored copy, let them read."""
    for path in data.iterdir():
        if path.is_file() and not path.is_symlink() and path.name != ROOT_CERTIFICATE:
            path.chmod(path.stat().st_mode & ~0o077)


def _ensure_administrator(password: str, now: datetime) -> None:
    if User.objects.filter(is_superuser=True).exists():
        return
    is_first = not User.objects.exists()
    if is_first and settings.BERTH.FEATURE_USER_INITIALIZE:
        return
    secret = password or random_password()
    account: dict[str, Any] = {
        "username": ADMINISTRATOR,
        "password": secret,
        "must_change_password": not password,
        "now": now,
    }
    if is_first:
        create_first_administrator(**account)
    else:
        create_user(is_superuser=True, **account)
    if not password:
        print(
            "\nThe first administrator was created. The password is shown only now:\n\n"
            f"  Name      {ADMINISTRATOR}\n  Password  {secret}\n\n"
            "The pages ask for another one at the first sign-in.",
            flush=True,
        )


def _collect_static_files() -> None:
    """Copy and compress what browsers load, unless nothing changed since the last time."""
    if settings.STATIC_ROOT == COLLECTED_DIR:
        return
    sources = sorted(
        f"{path}:{(file := Path(storage.path(path))).stat().st_mtime_ns}:{file.stat().st_size}"
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    wanted = hashlib.sha256("\n".join(sources).encode()).hexdigest()
    stamp = Path(settings.STATIC_ROOT) / _STATIC_STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(wanted)
