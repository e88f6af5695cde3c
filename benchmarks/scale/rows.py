"""Many rows at once, made inside PostgreSQL beside what ``manage.py generate_data`` made.

Each repository is given images for two platforms, an index of them with a live tag, the tags that
were before, what refers to some indexes, and days of statistics; the registry an audit log. Digests
are what the bodies say. Only blobs have no bytes of their own: ``link_bytes`` gives all the same.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

INDEXES: Final = 100  # in each repository; each lists two images of one layer and a config
LIVE_TAGS: Final = 90  # each on its own index, after another one; the other indexes had tags
REFERRERS: Final = 10
MANIFESTS: Final = 3 * INDEXES + REFERRERS
LINKS: Final = 3 * INDEXES
DAYS: Final = 90  # of statistics
EVENTS: Final = 100  # of the audit log, for each repository
BLOB_BYTES: Final = 64

_LINKS_OF_A_FILE: Final = 60_000  # ext4 takes 65,000
_TABLES: Final = (
    "blobs_blob",
    "blobs_bloblink",
    "manifests_manifest",
    "manifests_manifestblob",
    "manifests_manifestchild",
    "tags_tag",
    "audit_auditevent",
    "statistics_dailytraffic",
    "statistics_repositorystorage",
)
_AMOUNTS: Final[Mapping[str, int | str]] = {
    "indexes": INDEXES,
    "images": 2 * INDEXES,
    "links": LINKS,
    "referrers": REFERRERS,
    "manifests": MANIFESTS,
    "live": LIVE_TAGS,
    "days": DAYS,
    "events": EVENTS,
    "size": BLOB_BYTES,
    "config": "application/vnd.oci.image.config.v1+json",
    "layer": "application/vnd.oci.image.layer.v1.tar",
    "image": "application/vnd.oci.image.manifest.v1+json",
    "index": "application/vnd.oci.image.index.v1+json",
    "note": "application/vnd.example.note",
}

# "n" is the number of a repository, "k" that of a row in it.
_FUNCTIONS: Final = """
    CREATE FUNCTION pg_temp.digest(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT 'sha256:' || encode(sha256($1), 'hex') $$;
    CREATE FUNCTION pg_temp.blob(n bigint, k bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT pg_temp.digest(convert_to('blob ' || n || ' ' || k, 'UTF8')) $$;
    CREATE FUNCTION pg_temp.image(n bigint, k bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS
        $$ SELECT convert_to(
            '{{"schemaVersion": 2, "mediaType": "{image}", "config": {{"mediaType": "{config}", '
            || '"size": {size}, "digest": "' || pg_temp.blob(n, k)
            || '"}}, "layers": [{{"mediaType": "{layer}", "size": {size}, "digest": "'
            || pg_temp.blob(n, {images} + k / 2) || '"}}]}}', 'UTF8') $$;
    CREATE FUNCTION pg_temp.listed(n bigint, k bigint, platform text) RETURNS text
        LANGUAGE sql IMMUTABLE AS
        $$ SELECT '{{"mediaType": "{image}", "size": ' || length(pg_temp.image(n, k))
            || ', "digest": "' || pg_temp.digest(pg_temp.image(n, k))
            || '", "platform": {{"os": "linux", "architecture": "' || platform || '"}}}}' $$;
    CREATE FUNCTION pg_temp.index(n bigint, k bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS
        $$ SELECT convert_to('{{"schemaVersion": 2, "mediaType": "{index}", "manifests": ['
            || pg_temp.listed(n, 2 * k, 'amd64') || ', '
            || pg_temp.listed(n, 2 * k + 1, 'arm64') || ']}}', 'UTF8') $$;
    CREATE FUNCTION pg_temp.referrer(n bigint, k bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS
        $$ SELECT convert_to('{{"schemaVersion": 2, "mediaType": "{image}", "artifactType": '
            || '"{note}", "config": {{"mediaType": "{config}", "size": {size}, "digest": "'
            || pg_temp.blob(n, k) || '"}}, "layers": [], "subject": {{"mediaType": "{index}", '
            || '"size": ' || length(pg_temp.index(n, k)) || ', "digest": "'
            || pg_temp.digest(pg_temp.index(n, k)) || '"}}}}', 'UTF8') $$;
    CREATE TEMPORARY TABLE place AS
        SELECT id AS repository, path, namespace_id, row_number() OVER (ORDER BY id) - 1 AS n
        FROM repositories_repository;
    CREATE TEMPORARY TABLE first AS SELECT
        (SELECT coalesce(max(id), 0) + 1 FROM blobs_bloblink) AS link,
        (SELECT coalesce(max(id), 0) + 1 FROM manifests_manifest) AS manifest;
    ANALYZE place, first;
"""

_ROWS: Final[Mapping[str, str]] = {
    "blobs": """
        INSERT INTO blobs_blob (digest, size, storage_key, created_at)
        SELECT pg_temp.blob(n, k), {size},
            'blobs/' || lpad(to_hex((n * {links} + k) % 256), 2, '0') || '/'
            || lpad(to_hex(n * {links} + k), 32, '0') || '.' || lpad(to_hex(k), 32, '0'),
            now() - interval '1 day' - k * interval '1 day'
        FROM place, generate_series(0::bigint, {links} - 1) AS k
    """,
    "links": """
        INSERT INTO blobs_bloblink (id, repository_id, blob_id, last_pushed_at)
        OVERRIDING SYSTEM VALUE
        SELECT first.link + n * {links} + k, repository, pg_temp.blob(n, k),
            now() - interval '1 day' - k * interval '1 day' - n * interval '1 second'
        FROM first, place, generate_series(0::bigint, {links} - 1) AS k
    """,
    "manifests": """
        INSERT INTO manifests_manifest (id, repository_id, digest, media_type, artifact_type,
            config_media_type, subject_digest, kind, annotations_json, labels_json, size, body,
            pushed_at, last_pushed_at)
        OVERRIDING SYSTEM VALUE
        SELECT first.manifest + n * {manifests} + k, repository, pg_temp.digest(body), media_type,
            artifact_type, config, subject, kind, '{{}}', '{{}}', length(body), body, at, at
        FROM first, place, generate_series(0::bigint, {manifests} - 1) AS k,
        LATERAL (
            SELECT pg_temp.index(n, k) AS body, '{index}' AS media_type, '' AS artifact_type,
                '' AS config, '' AS subject, 'index' AS kind WHERE k < {indexes}
            UNION ALL
            SELECT pg_temp.image(n, k - {indexes}), '{image}', '', '{config}', '', 'image'
            WHERE k >= {indexes} AND k < {indexes} + {images}
            UNION ALL
            SELECT pg_temp.referrer(n, k - {indexes} - {images}), '{image}', '{note}', '{config}',
                pg_temp.digest(pg_temp.index(n, k - {indexes} - {images})), 'artifact'
            WHERE k >= {indexes} + {images}
            OFFSET 0  -- else the body is made again for each column
        ) AS made,
        LATERAL (
            SELECT now() - interval '1 day' - k * interval '1 day' - n * interval '1 second' AS at
        ) AS moment
    """,
    "needs": """
        INSERT INTO manifests_manifestblob (manifest_id, link_id)
        SELECT first.manifest + n * {manifests} + {indexes} + m, first.link + n * {links} + needed.k
        FROM first, place, generate_series(0::bigint, {images} + {referrers} - 1) AS m,
        LATERAL (
            SELECT m % {images} AS k UNION ALL SELECT {images} + m / 2 WHERE m < {images}
        ) AS needed
    """,
    "children": """
        INSERT INTO manifests_manifestchild (parent_id, child_digest)
        SELECT first.manifest + n * {manifests} + k / 2, pg_temp.digest(pg_temp.image(n, k))
        FROM first, place, generate_series(0::bigint, {images} - 1) AS k
    """,
    "tags": """
        INSERT INTO tags_tag (repository_id, name, sort_key, is_companion, manifest_id, started_at,
            start_reason, ended_at, end_reason, expires_at, expiry_source, warning, is_immutable)
        SELECT repository, 'build-' || lpad(k::text, 3, '0'), '', false,
            first.manifest + n * {manifests} + k, now() - interval '1 hour' - k * interval '1 hour',
            'push', NULL, '', CASE WHEN k % 10 = 0 THEN now() + k * interval '1 day' END,
            CASE WHEN k % 10 = 0 THEN 'user' ELSE '' END, '', false
        FROM first, place, generate_series(1::bigint, {live}) AS k
        UNION ALL
        SELECT repository, 'build-' || lpad(k::text, 3, '0'), '', false,
            first.manifest + n * {manifests} + (k + {indexes} - {live}) % {indexes},
            now() - interval '100 days', 'push', now() - interval '1 hour' - k * interval '1 hour',
            'move', NULL, '', '', false
        FROM first, place, generate_series(1::bigint, {live}) AS k
        UNION ALL
        SELECT repository, 'gone-' || k, '', false, first.manifest + n * {manifests} + k,
            now() - interval '100 days', 'push', now() - interval '10 days', 'delete', NULL, '', '',
            false
        FROM first, place,
            (SELECT 0::bigint AS k UNION ALL SELECT generate_series({live} + 1, {indexes} - 1))
            AS untagged
    """,
    "audit": """
        INSERT INTO audit_auditevent (at, actor, action, target, namespace, repository, address,
            occasion, detail, to_forward)
        SELECT now() - k * interval '12 hours' - n * interval '4 seconds', 'robot-' || n % 50,
            'manifest.push', path || ':build-' || k, split_part(path, '/', 1), path, '192.0.2.7',
            '',
            '{{"digest": "' || pg_temp.blob(n, k) || '", "kind": "image", "size": 1000}}', false
        FROM place, generate_series(0::bigint, {events} - 1) AS k
    """,
    "traffic": """
        INSERT INTO statistics_dailytraffic (repository_id, reference, day, pulls, pushes,
            last_pulled_at)
        SELECT repository, '', current_date - k::int, 100 + k, 1, now() - k * interval '1 day'
        FROM place, generate_series(0::bigint, {days} - 1) AS k
        UNION ALL
        SELECT repository, 'build-' || lpad(k::text, 3, '0'), current_date - d, 10, 0,
            now() - d * interval '1 day'
        FROM place, generate_series(1::bigint, 10) AS k, generate_series(0, 9) AS d
    """,
    "storage": """
        INSERT INTO statistics_repositorystorage (repository_id, day, size)
        SELECT repository, current_date - k::int, {links} * {size}
        FROM place, generate_series(1::bigint, {days}) AS k
    """,
    "storage of the organization": """
        INSERT INTO statistics_namespacestorage (namespace_id, day, size)
        SELECT namespace_id, current_date - k::int, count(*) * {links} * {size}
        FROM place, generate_series(1::bigint, {days}) AS k GROUP BY namespace_id, k
    """,
}
_SEQUENCES: Final = """
    SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))
"""


def multiply(connection: psycopg.Connection) -> Iterator[str]:
    """Add the rows; yields the name of each kind when it is there. The tables serve nobody else.

    ``connection`` commits by itself, and may do what owners of tables may not
    (``session_replication_role``).
    """
    connection.execute("SET session_replication_role = replica")  # checks no foreign key
    connection.execute("SET maintenance_work_mem = '512MB'")
    connection.execute(_FUNCTIONS.format(**_AMOUNTS))
    with _without_indexes(connection):
        for name, statement in _ROWS.items():
            connection.execute(statement.format(**_AMOUNTS))
            yield name
        for table in ("blobs_bloblink", "manifests_manifest"):
            connection.execute(_SEQUENCES.format(table=table))
    yield "indexes"
    connection.execute("VACUUM ANALYZE")
    yield "statistics"


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Meanwhile the tables have but their primary keys: made of all rows at once, an index costs a
    fraction."""
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'u' AND conrelid::regclass::text = ANY(%s)",
        [list(_TABLES)],
    ).fetchall()
    for table, name, _ in constraints:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE NOT indisprimary AND indrelid::regclass::text = ANY(%s)",
        [list(_TABLES)],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for table, name, definition in constraints:
        connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for _, definition in indexes:
        connection.execute(definition)


def link_bytes(connection: psycopg.Connection, store: Path) -> int:
    """Give each blob that has no bytes a file; all are names of a few. Returns how many."""
    count, source = 0, store
    with connection.transaction(), connection.cursor(name="keys") as cursor:
        cursor.itersize = 10_000
        for (key,) in cursor.execute("SELECT storage_key FROM blobs_blob ORDER BY storage_key"):
            target = store / key
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if count % _LINKS_OF_A_FILE == 0:
                target.write_bytes(b"x" * BLOB_BYTES)
                source = target
            else:
                os.link(source, target)
            count += 1
    return count
