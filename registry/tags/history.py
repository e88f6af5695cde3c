"""What a tag's past says about why it cannot be pulled."""

from datetime import datetime

from registry.repositories.models import Repository
from registry.tags.models import EndReason, Tag
from registry.tags.time_machine import time_machine_of

_ENDED = {
    EndReason.MOVE: "was moved to another manifest",
    EndReason.DELETE: "was deleted",
    EndReason.EXPIRE: "expired",
    EndReason.RETENTION: "was removed by a retention policy",
    EndReason.SUBJECT: "was removed with the manifest it was attached to",
}


def why_no_tag(*, repository: Repository, name: str, now: datetime) -> str:
    """One sentence for who asked for a tag that is not there."""
    rows = Tag.objects.filter(repository=repository.id, name=name)
    last = rows.select_related("repository__namespace").newest_first().first()
    said = _obituary(last, now) if last else ""
    return said or f"{repository.path} has no manifest {name}"


def why_no_digest(*, repository: Repository, digest: str, now: datetime) -> str:
    """One sentence for who asked for a manifest that no tag names any more, or that is deleted."""
    rows = Tag.objects.filter(repository=repository.id, manifest__digest=digest)
    last = rows.select_related("repository__namespace").newest_first().first()
    if last and (said := _obituary(last, now)):
        return f"no tag of {repository.path} leads to {digest} any more: {said}"
    return f"{repository.path} has no manifest {digest}: it was deleted"


def _obituary(tag: Tag, now: datetime) -> str:
    """How the tag ended; empty while it is alive."""
    if (end := tag.end(at=now)) is None:
        return ""
    ended_at, reason = end
    until = ended_at + time_machine_of(tag.repository.namespace)
    rest = f"can be restored until {_shown(until)}" if until > now else "can no longer be restored"
    return f"the tag {tag.name} {_ENDED[reason]} on {_shown(ended_at)} and {rest}"


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
