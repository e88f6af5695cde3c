"""Asks the bucket of ``S3Storage`` whether it can be used."""

from uuid import uuid4

from django.conf import settings

from artifacts.oci.errors import OCIError
from registry.storage.base import StorageUnavailable
from registry.storage.select import s3_store

_PROBE = b"probe"


def require_bucket() -> None:
    """Raise ``StorageUnavailable`` when the bucket does not answer, or not to us."""
    s3_store(_parameters()).bucket.require()


def try_bucket() -> str:
    """Write, read, list and delete in the bucket; tell where that went well."""
    store = s3_store(_parameters())
    store.bucket.require()
    key = f"doctor/{uuid4().hex}"
    store.bucket.put(key, _PROBE)
    try:
        found = b"".join(store.read(key, 0, len(_PROBE)))
        listed = [entry.key for page in store.bucket.objects("doctor") for entry in page]
    finally:
        store.delete(key)
    if found != _PROBE or key not in listed:
        raise StorageUnavailable(why="it lost what was written")
    return f"the bucket {_name()} can be written, read, listed and deleted from"


def bucket_problem(error: OCIError) -> str:
    """What is wrong, for an administrator."""
    why = getattr(error, "why", "") or error.reason
    return f"the bucket {_name()}: {' '.join(why.split()).rstrip('.')}"


def _name() -> str:
    parameters = _parameters()
    place = parameters["endpoint_url"] or "AWS"
    return f"{parameters['s3_bucket']} at {place}"


def _parameters() -> dict[str, str]:
    name = settings.DISTRIBUTED_STORAGE_PREFERENCE[0]
    parameters: dict[str, str] = settings.DISTRIBUTED_STORAGE_CONFIG[name][1]
    return parameters
