"""Turns keys that name places into settings: database and storage."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from config.keys.configuration import Configuration
from config.keys.storage_drivers import driver_settings

# WAL lets readers go on beside the one writer; FULL makes a commit survive a power cut.
# Each of the many threads has a connection; at SQLite's default of 2 MB their caches add up.
_SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;"
_SQLITE_BUSY_TIMEOUT_SECONDS = 20
# A pool that found no server for so long stops looking until somebody wants a connection: who asks
# first after an outage finds the server, and no pause has grown meanwhile.
_POOL_RECONNECT_SECONDS = 5
# What an address may set otherwise. No wait is without end: not for a server that vanished with
# its network, for a lock that somebody keeps, or for a process of ours that hangs with its locks.
_POSTGRESQL_OPTIONS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=300s",
}


def database_settings(configuration: Configuration, *, data: Path) -> dict[str, Any]:
    """Django's settings for the database. A relative SQLite path starts in ``data``."""
    uri = configuration.DB_URI
    if uri.startswith("sqlite:///"):
        return _sqlite(data / uri.removeprefix("sqlite:///"))
    return _postgresql(configuration)


def kept_in_data(configuration: Configuration) -> tuple[str, ...]:
    """What of this registry is kept in the data folder, in words with the keys that decide it.

    SQLite counts wherever its file is: the folder has the locks that keep a second Berth away.
    """
    archive = configuration.ACTION_LOG_ARCHIVE_PATH
    is_local = archive and not configuration.ACTION_LOG_ARCHIVE_LOCATION
    kept = {
        "SQLite (DB_URI)": configuration.DB_URI.startswith("sqlite:///"),
        "blobs (DISTRIBUTED_STORAGE_CONFIG)": any(
            driver == "LocalStorage" and not Path(parameters["storage_path"]).is_absolute()
            for driver, parameters in configuration.DISTRIBUTED_STORAGE_CONFIG.values()
        ),
        "the secret key (SECRET_KEY)": not configuration.SECRET_KEY,
        "the archive (ACTION_LOG_ARCHIVE_PATH)": is_local and not Path(archive).is_absolute(),
    }
    return tuple(words for words, is_kept in kept.items() if is_kept)


def storage_settings(driver: str, parameters: dict[str, Any], *, data: Path) -> list[Any]:
    """A storage driver and all its parameters. A relative folder starts in ``data``."""
    driver, parameters = driver_settings(driver, parameters)
    if driver == "LocalStorage":
        parameters["storage_path"] = str(data / parameters["storage_path"])
    return [driver, parameters]


def blob_folder(driver: str, parameters: dict[str, Any]) -> Path | None:
    """Where blobs are on this machine's disk, if they are there."""
    return Path(parameters["storage_path"]) if driver == "LocalStorage" else None


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "registry.rows.sqlite",
        "NAME": path,
        # Opening a connection costs more than most queries; one per thread stays open.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A transaction that begins as a reader cannot wait for the writer later: it fails.
            "transaction_mode": "IMMEDIATE",
            "timeout": _SQLITE_BUSY_TIMEOUT_SECONDS,
            "init_command": _SQLITE_PRAGMAS,
        },
    }


def _postgresql(configuration: Configuration) -> dict[str, Any]:
    parts = urlsplit(configuration.DB_URI)
    query = _POSTGRESQL_OPTIONS | dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "ENGINE": "registry.rows.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A unix socket is written as ?host=/folder.
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": not configuration.DB_SERVER_SIDE_CURSORS,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": configuration.DB_POOL_SIZE,
                "timeout": configuration.DB_POOL_TIMEOUT,
                "reconnect_timeout": _POOL_RECONNECT_SECONDS,
            },
            **query,
        },
    }
