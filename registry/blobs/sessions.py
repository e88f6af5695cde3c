"""Upload sessions: what they are called, and the rows that tell where they stand.

A session has no row before bytes of it are kept. Its id says when it was opened, and that it was
opened here: most blobs come in one request, and a row for each of them would be written only to
be closed. A closed session keeps its row as long as its id could pass for one without.

Source: RFC 9562, section 5.8 (UUID version 8).
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Self
from uuid import UUID

from django.conf import settings

from accounts import statements
from artifacts.oci.digest import ALGORITHMS, DEFAULT_ALGORITHM
from artifacts.oci.errors import BlobUploadUnknown
from registry.blobs.models import UploadSession
from registry.repositories.models import Repository

_GET = """
    SELECT algorithm, "offset", digest_so_far, is_closed FROM blobs_uploadsession
    WHERE id = %s AND repository_id = %s AND owner = %s
"""
_OFFSET = 'SELECT "offset", is_closed FROM blobs_uploadsession WHERE id = %s'
_BEAR = """
    INSERT INTO blobs_uploadsession
        (id, repository_id, owner, algorithm, "offset", digest_so_far, started_at, active_at,
         is_closed)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""
_MOVE = """
    UPDATE blobs_uploadsession
    SET "offset" = %s, digest_so_far = %s, algorithm = %s, active_at = %s
    WHERE id = %s AND "offset" = %s AND NOT is_closed
"""
_CLOSE = """
    UPDATE blobs_uploadsession SET is_closed = %s, active_at = %s
    WHERE id = %s AND "offset" = %s AND NOT is_closed
"""
_CANCEL = """
    UPDATE blobs_uploadsession SET is_closed = %s, active_at = %s WHERE id = %s AND NOT is_closed
"""
_FORGET_CLOSED = """
    DELETE FROM blobs_uploadsession WHERE id IN (
        SELECT id FROM blobs_uploadsession WHERE active_at < %s AND is_closed LIMIT %s
    )
"""
_SALT = "registry.blobs.sessions"
_RANDOM_BITS = 48
_PROOF_BITS = 42
_VERSION, _VARIANT = 8, 2


def open_upload(
    *,
    repository: Repository,
    owner: str,
    now: datetime,
    algorithm: str = DEFAULT_ALGORITHM,
) -> UploadSession:
    """Start an upload session that only ``owner`` can use, in this repository only."""
    name = _Name(int(now.timestamp()), secrets.randbits(_RANDOM_BITS))
    return UploadSession(
        id=name.sealed(repository, owner, algorithm, settings.SECRET_KEY),
        repository=repository,
        owner=owner,
        algorithm=algorithm,
        started_at=now,
    )


def get_upload(
    *, repository: Repository, owner: str, session_id: str, now: datetime
) -> UploadSession:
    """Raises ``BlobUploadUnknown``: closed, expired, or never opened by ``owner`` in here."""
    try:
        key = UUID(session_id)
    except ValueError:
        raise BlobUploadUnknown(session=session_id[:100]) from None
    for algorithm, offset, digest, is_closed in statements.rows(_GET, [key, repository.id, owner]):
        if is_closed:
            raise BlobUploadUnknown(session=str(key))
        return UploadSession.opened(
            id=key,
            repository=repository,
            owner=owner,
            algorithm=algorithm,
            offset=offset,
            digest_so_far=digest,
        )
    return _without_row(key, repository, owner, now)


def has_row(session: UploadSession) -> bool:
    """Whether bytes of it were kept when it was read."""
    return not session._state.adding


def current_offset(session: UploadSession) -> int | None:
    """Where the session stands now; ``None``: it is closed or gone."""
    for offset, is_closed in statements.rows(_OFFSET, [session.id]):
        return None if is_closed else int(offset)
    return None if has_row(session) else 0


def move(
    session: UploadSession, *, offset: int, digest: str, algorithm: str, now: datetime
) -> bool:
    """Move the session on from where it was read; tell whether it still stood there."""
    if has_row(session):
        values = [offset, digest, algorithm, now, session.id, session.offset]
        moved = statements.execute(_MOVE, values)
    else:
        moved = _bear(session, offset, digest, algorithm, now, is_closed=False)
    if not moved:
        return False
    session.offset, session.digest_so_far, session.algorithm = offset, digest, algorithm
    session._state.adding = False
    return True


def close(session: UploadSession, *, now: datetime) -> bool:
    """End the session where it was read; tell whether it still stood there."""
    if has_row(session):
        return bool(statements.execute(_CLOSE, [True, now, session.id, session.offset]))
    return _bear(session, 0, "", session.algorithm, now, is_closed=True)


def cancel(session: UploadSession, *, now: datetime) -> bool:
    """End the session wherever it stands; tell whether it had not ended before."""
    is_new = not has_row(session) and close(session, now=now)
    return is_new or bool(statements.execute(_CANCEL, [True, now, session.id]))


def forget_closed_uploads(*, now: datetime, older_than: timedelta, limit: int) -> int:
    """Forget at most ``limit`` sessions that were closed before; return how many."""
    return statements.execute(_FORGET_CLOSED, [now - older_than, limit])


def _bear(
    session: UploadSession,
    offset: int,
    digest: str,
    algorithm: str,
    now: datetime,
    *,
    is_closed: bool,
) -> bool:
    about = [session.id, session.repository_id, session.owner, algorithm]
    values = [*about, offset, digest, session.started_at, now, is_closed]
    return bool(statements.execute(_BEAR, values))


def _without_row(key: UUID, repository: Repository, owner: str, now: datetime) -> UploadSession:
    name = _Name.read(key)
    lifetime = timedelta(minutes=settings.BERTH.BLOBUPLOAD_DELETION_DATE_THRESHOLD)
    if name is None or name.opened_at <= now - lifetime:
        raise BlobUploadUnknown(session=str(key))
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    for secret, algorithm in product(keys, ALGORITHMS):
        sealed = name.sealed(repository, owner, algorithm, secret)
        if secrets.compare_digest(sealed.bytes, key.bytes):
            return UploadSession(
                id=key,
                repository=repository,
                owner=owner,
                algorithm=algorithm,
                started_at=name.opened_at,
            )
    raise BlobUploadUnknown(session=str(key))


@cache
def _proof_key(secret: str) -> bytes:
    return hashlib.blake2b(f"{_SALT} {secret}".encode()).digest()


@dataclass(frozen=True, slots=True)
class _Name:
    """What an id says: 32 bits of seconds since 1970 and 48 random ones, before the proof."""

    seconds: int
    random: int

    @classmethod
    def read(cls, key: UUID) -> Self | None:
        if key.version != _VERSION:
            return None
        number = (key.int >> 80) << 12 | (key.int >> 64) & 0xFFF
        number = (number << 62 | key.int & (1 << 62) - 1) >> _PROOF_BITS
        return cls(number >> _RANDOM_BITS, number & (1 << _RANDOM_BITS) - 1)

    @property
    def opened_at(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sealed(self, repository: Repository, owner: str, algorithm: str, secret: str) -> UUID:
        """The id, which nobody else can make for that owner in that repository."""
        number = (self.seconds & 0xFFFFFFFF) << _RANDOM_BITS | self.random
        claim = f"{number} {repository.id} {algorithm} {owner}"
        key = _proof_key(secret)
        proof = hashlib.blake2b(claim.encode(), digest_size=8, key=key).digest()
        bits = number << _PROOF_BITS | int.from_bytes(proof, "big") >> 64 - _PROOF_BITS
        high, middle, low = bits >> 74, bits >> 62 & 0xFFF, bits & (1 << 62) - 1
        return UUID(int=high << 80 | _VERSION << 76 | middle << 64 | _VARIANT << 62 | low)
