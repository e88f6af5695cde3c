"""Note when manifests were last pulled."""

import logging
from datetime import datetime

from django.db import OperationalError

from registry.manifests.models import Manifest
from registry.manifests.reads import ResolvedManifest
from registry.repositories.sql import written_lazily

logger = logging.getLogger(__name__)


def note_pull(*, manifest: ResolvedManifest, now: datetime) -> None:
    """Remember the pull, at most once an hour; no pull fails because of that."""
    if not manifest.is_pull_due:
        return
    try:
        with written_lazily():
            Manifest.objects.filter(pk=manifest.id).update(last_pulled_at=now)
    except OperationalError:
        logger.warning("could not note the pull of %s", manifest.digest, exc_info=True)
