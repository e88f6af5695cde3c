"""What happens when a manifest is pushed, whichever door it comes through."""

from datetime import datetime

from accounts.audit.services import SYSTEM, Actor
from registry.inspection.services import inspect_soon
from registry.manifests.drafts import Draft
from registry.manifests.policy import admit
from registry.manifests.services import PushedManifest, store_manifest
from registry.manifests.terms import labels_of_image
from registry.statistics.counting import count_push


def push_manifest(draft: Draft, *, now: datetime, by: Actor = SYSTEM) -> PushedManifest:
    """Take a manifest in, point its tags at it, count it, and look into it.

    Raises what ``admit`` and ``store_manifest`` do; nothing is stored then.
    """
    admit(draft, now=now, by=by)
    # The store may take its time, and the transaction holds up other pushes.
    labels = labels_of_image(draft.document, repository=draft.repository, now=now)
    pushed = store_manifest(draft, labels=labels, now=now, by=by)
    count_push(repository_id=draft.repository.id, now=now)
    inspect_soon(manifest=pushed.manifest, now=now)
    return pushed
