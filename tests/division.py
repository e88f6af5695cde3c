"""Where each test runs when the suite runs on both databases, as ``make both`` and CI do.

A test runs on both unless this page says otherwise, so what is new or forgotten runs twice rather
than never. A line names a folder or a file of ``tests``; the longest line that fits a test wins.
docs/testing.md tells how to choose.
"""

from pathlib import Path
from typing import Final

SQLITE: Final = frozenset({"sqlite"})
POSTGRESQL: Final = frozenset({"postgresql"})
BOTH: Final = SQLITE | POSTGRESQL

DIVISION: Final = {
    # Plain Python: no row is touched.
    "artifacts": SQLITE,
    "artifacts/policy": BOTH,
    "test_migrations.py": SQLITE,
    "test_mutants.py": SQLITE,
    "test_assertions.py": SQLITE,
    "test_division.py": SQLITE,
    "test_loops.py": SQLITE,
    "test_named_paths.py": SQLITE,
    "test_rooms.py": SQLITE,
    "config/test_check_config.py": SQLITE,
    "config/keys/test_configuration.py": SQLITE,
    "config/keys/test_directory.py": SQLITE,
    "config/keys/test_documentation.py": SQLITE,
    "config/test_documented_commands.py": SQLITE,
    "config/test_nonsense.py": SQLITE,
    "config/keys/test_login_services.py": SQLITE,
    "config/keys/test_places.py": SQLITE,
    # PostgreSQL has commands of its own (config/test_migrate.py, config/test_moving.py) and a
    # preparation of its own (config/serving/test_preparation.py); how processes start is the same.
    "config/test_backup_commands.py": SQLITE,
    "config/serving/test_serving.py": SQLITE,
    "config/web_server/test_limits.py": SQLITE,
    "config/web_server/test_peers.py": SQLITE,
    "config/front_door/test_networks.py": SQLITE,
    "config/front_door/test_pace.py": SQLITE,
    "config/front_door/test_snapshots.py": POSTGRESQL,
    "config/serving/test_refusals.py": SQLITE,
    "config/serving/test_scratch.py": SQLITE,
    "config/keys/test_storage_drivers.py": SQLITE,
    "config/serving/test_supervisor.py": SQLITE,
    "config/test_timetable.py": SQLITE,
    "config/serving/test_tls.py": SQLITE,
    "deploy": SQLITE,
    # It has a PostgreSQL of its own.
    "production": POSTGRESQL,
    "registry/blobs/test_hashing.py": SQLITE,
    # Files and buckets; what is written down of them is in registry/blobs.
    "registry/storage": SQLITE,
    "registry/storage/test_concurrency.py": BOTH,
    "registry/storage/test_s3_uploads.py": BOTH,
    "registry/storage/test_several.py": BOTH,
    "system/test_framing.py": SQLITE,
    "system/test_wheel.py": SQLITE,
    # The other side of the wire is real, and slow. Rows are what the rest is about.
    "browser": SQLITE,
    "clients": SQLITE,
    "accounts/credentials/ldap/test_directory.py": SQLITE,
    # HTTP and pages stand on services, and registry and accounts run on both.
    "registry/api": POSTGRESQL,
    "conformance": POSTGRESQL,
    "system": POSTGRESQL,
    "ui": POSTGRESQL,
    # The front door reads on its loop from SQLite, and in threads from PostgreSQL.
    "registry/api/test_arriving_bodies.py": BOTH,
    "registry/api/test_front_door.py": BOTH,
    "registry/api/test_pushes_at_the_front_door.py": BOTH,
    # Jobs come by Redis or by a table: each transport is tried on both in test_contract.py.
    "registry/queue/test_nonsense.py": POSTGRESQL,
    "registry/queue/test_workers.py": POSTGRESQL,
    "registry/verification/test_disguises.py": POSTGRESQL,
    "accounts/test_admin.py": POSTGRESQL,
    # Requests that meet: SQLite has one writer, PostgreSQL locks rows.
    "conformance/test_broken_connections.py": BOTH,
    "conformance/test_upload_races.py": BOTH,
    "conformance/test_upload_sessions.py": BOTH,
    # A commit survives a kill and a full disk in each database's own way.
    "conformance/test_settings.py": BOTH,
    "system/test_disk_full.py": BOTH,
    "system/test_killed_server.py": BOTH,
    "system/test_power_cut.py": SQLITE,
    # Orders, prefixes, pages and words are searched in each database's own way.
    "conformance/test_catalog.py": BOTH,
    "conformance/test_referrers.py": BOTH,
    "conformance/test_tags_list.py": BOTH,
    "ui/activity/test_activity.py": BOTH,
    "ui/administration/test_status.py": BOTH,
    "ui/namespaces/test_namespaces.py": BOTH,
    "ui/repositories/test_repositories.py": BOTH,
    "ui/test_search.py": BOTH,
    "ui/tags/test_tags.py": BOTH,
    "ui/tags/test_history.py": BOTH,
    # A push, a pull and a deletion, all the way down.
    "conformance/test_delete.py": BOTH,
    "conformance/test_mount.py": BOTH,
    "conformance/test_push_manifests.py": BOTH,
    "ui/accounts/test_first_start.py": SQLITE,
}

# What `make quick` leaves out: servers, clients, processes, pages, and what waits for the clock.
SLOW: Final = (
    "browser",
    "clients",
    "conformance",
    "deploy",
    "production",
    "system",
    "config/test_check_config.py",
    "config/test_documented_commands.py",
    "config/test_backup_commands.py",
    "config/test_moving.py",
    "config/serving/test_refusals.py",
    "config/serving/test_serving.py",
    "registry/gc",
    "registry/keeping",
    "registry/queue",
    "registry/storage",
    "registry/test_races.py",
    "registry/tags/test_races.py",
    "registry/blobs/test_upload_races.py",
    "registry/blobs/test_uploads_property.py",
    "registry/retention/test_preview_property.py",
    "registry/retention/test_races.py",
    "registry/verification/test_races.py",
    "ui",
)

_TESTS = Path(__file__).parent


def databases(test: Path) -> frozenset[str]:
    """The databases that the file ``test`` runs on."""
    fitting = [line for line in DIVISION if _is_in(test, line)]
    return DIVISION[max(fitting, key=len)] if fitting else BOTH


def is_slow(test: Path) -> bool:
    return any(_is_in(test, line) for line in SLOW)


def _is_in(test: Path, line: str) -> bool:
    return test.is_relative_to(_TESTS / line)
