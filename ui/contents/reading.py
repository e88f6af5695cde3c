"""Read what a page shows out of the store, never more than a bounded part."""

import logging
from datetime import datetime

from artifacts.oci.descriptors import Descriptor
from artifacts.oci.errors import BlobUnknown
from registry.blobs.services import find_blob, read_blob
from registry.repositories.models import Repository
from registry.storage.base import StorageUnavailable

logger = logging.getLogger(__name__)


class Unreadable(Exception):
    """The content cannot be shown; the message says why, in a few words."""


def read_whole(
    repository: Repository, descriptor: Descriptor, *, limit_bytes: int, now: datetime
) -> bytes:
    """The content of a blob. Raises ``Unreadable``, among others when it is larger."""
    try:
        blob = find_blob(repository=repository, digest=descriptor.digest, now=now)
        if blob.size > limit_bytes:
            raise Unreadable(f"it is larger than {limit_bytes // 1024:,} KiB")
        return b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now))
    except BlobUnknown as error:
        raise Unreadable("its bytes are not here") from error
    except (StorageUnavailable, OSError) as error:
        logger.warning("cannot read %s for a page", descriptor.digest, exc_info=True)
        raise Unreadable("the storage does not answer at the moment") from error
