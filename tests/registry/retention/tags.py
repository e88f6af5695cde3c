"""Tags, rules and moments for the tests of retention."""

import json
from datetime import datetime, timedelta

from artifacts.oci.digest import Digest
from artifacts.oci.patterns import Syntax, TagPattern
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.retention.rules import Rule, RuleKind
from registry.retention.services import preview, run, set_rules
from registry.tags.models import EndReason, Tag
from tests.registry.builders import NOW, hold, image, push

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LATER = NOW + 100 * DAY

KEEP, NUMBER = RuleKind.KEEP, RuleKind.NUMBER_OF_TAGS
AGE, PULL = RuleKind.CREATION_DATE, RuleKind.LAST_PULL


def seconds(days: float) -> int:
    return int(days * 86_400)


def glob(text: str) -> TagPattern:
    return TagPattern(text, Syntax.GLOB)


def regex(text: str) -> TagPattern:
    return TagPattern(text, Syntax.REGEX)


def rules(place: Repository, *chosen: Rule) -> None:
    set_rules(place=place, rules=chosen, now=NOW)


def some_image(number: int = 0) -> bytes:
    return image(b"{}", annotations={"number": str(number)})


def push_tags(repository: Repository, *names: str, by: datetime = NOW) -> None:
    """Push an image of its own under each name, each a second after the one before."""
    hold(repository, b"{}")
    for number, name in enumerate(names):
        body = image(b"{}", annotations={"of": json.dumps(name)})
        push(repository, body, name, now=by + timedelta(seconds=number))


def companion(subject: bytes | Manifest, suffix: str = ".sig") -> str:
    digest = subject.digest if isinstance(subject, Manifest) else str(Digest.of(subject))
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm}-{encoded[:64]}{suffix}"


def sign(repository: Repository, subject: bytes, suffix: str = ".sig", *, tag: str = "") -> bytes:
    """Push a manifest as cosign does: its tag, not the manifest, names the subject."""
    hold(repository, b"{}")
    body = image(b"{}", annotations={"signs": companion(subject, suffix)})
    push(repository, body, tag or companion(subject, suffix))
    return body


def alive(repository: Repository, at: datetime = LATER) -> set[str]:
    tags = Tag.objects.alive(at=at).filter(repository=repository)
    return set(tags.values_list("name", flat=True))


def kept_by_preview(repository: Repository, at: datetime = LATER) -> set[str]:
    return {
        decision.tag.name for decision in preview(repository=repository, now=at) if decision.is_kept
    }


def kept_by_run(repository: Repository, at: datetime = LATER) -> set[str]:
    """The tags that a run leaves, which are those that the preview before it named."""
    expected = kept_by_preview(repository, at)
    run(repository=repository, now=at)
    assert alive(repository, at) == expected
    return expected


def why_ended(repository: Repository, name: str) -> EndReason:
    tag = Tag.objects.exclude(ended_at=None).newest_first().get(repository=repository, name=name)
    return EndReason(tag.end_reason)
