"""Whatever is in a repository: a run does what the preview said, and breaks nothing."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.oci.companions import subject_of
from artifacts.oci.digest import Digest
from registry.gc.report import Report
from registry.gc.services import collect
from registry.manifests.models import Manifest, ManifestChild
from registry.manifests.standing import is_abandoned
from registry.repositories.models import Repository
from registry.retention.rules import Rule
from registry.retention.services import preview, run, set_rules
from registry.tags.models import Tag
from tests.registry.builders import NOW, descriptor, hold, image, index, push
from tests.registry.retention.tags import (
    AGE,
    DAY,
    KEEP,
    LATER,
    NUMBER,
    PULL,
    alive,
    companion,
    glob,
    regex,
    seconds,
)
from tests.soak import rounds

AGES = st.integers(0, 20)
NAMES = [f"{letter}{n}" for letter in "ab" for n in range(4)]
SUFFIXES = [".sig", ".att", ""]


patterns = st.none() | st.sampled_from([glob("a*"), glob("?[0-1]"), regex("[13]$")])
rule_lists = st.lists(
    st.builds(Rule, st.sampled_from([NUMBER, KEEP]), st.integers(1, 4), patterns)
    | st.builds(Rule, st.sampled_from([AGE, PULL]), st.integers(1, 20).map(seconds), patterns),
    max_size=3,
)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=rounds(20))
@given(data=st.data(), rules=rule_lists)
def test_a_run_does_what_the_preview_said(
    repository: Repository, data: st.DataObject, rules: list[Rule]
) -> None:
    _make_empty(repository)
    _push_some(repository, data)
    set_rules(place=repository, rules=rules, now=NOW)
    before = alive(repository)

    decisions = {
        decision.tag.name: decision for decision in preview(repository=repository, now=LATER)
    }
    outcome = run(repository=repository, now=LATER)

    left = alive(repository)
    assert set(decisions) == before
    assert left == {name for name, decision in decisions.items() if decision.is_kept}
    assert outcome.tags + outcome.companions == len(before - left)
    assert not any(decisions[name].tag.is_immutable for name in before - left)
    _assert_no_signature_went_before_its_subject(repository, before - left)
    _assert_indexes_are_whole(repository)


def _make_empty(repository: Repository) -> None:
    Tag.objects.all().delete()
    Manifest.objects.all().delete()
    hold(repository, b"{}")


def _push_some(repository: Repository, data: st.DataObject) -> None:
    """Images, indexes, referrers and companions, under some tags each or under none."""
    bodies: list[bytes] = []
    for number in range(data.draw(st.integers(1, 7))):
        body, named = _something(data, bodies, number)
        tags = data.draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
        moment = LATER - data.draw(AGES) * DAY - timedelta(seconds=1)
        reference = str(Digest.of(body))
        push(repository, body, reference, tags=tuple({*tags, *named}), now=moment)
        bodies.append(body)
        pulled = data.draw(st.none() | AGES)
        if pulled is not None:
            Manifest.objects.filter(digest=reference).update(last_pulled_at=LATER - pulled * DAY)
    fixed = data.draw(st.lists(st.sampled_from(NAMES), max_size=1))
    Tag.objects.live().filter(name__in=fixed).update(is_immutable=True)


def _something(data: st.DataObject, bodies: list[bytes], number: int) -> tuple[bytes, list[str]]:
    """The bytes of a manifest, and the companion tag under which it is pushed, if any."""
    what = data.draw(st.sampled_from(["image", "image", "index", "referrer", "companion"]))
    marks = {"annotations": {"number": str(number)}}
    if what == "image" or not bodies:
        return image(b"{}", **marks), []
    about = data.draw(st.sampled_from(bodies))
    if what == "index":
        return index(about, **marks), []
    if what == "referrer":
        return image(b"{}", subject=descriptor(about), **marks), []
    return image(b"{}", **marks), [companion(about, data.draw(st.sampled_from(SUFFIXES)))]


def _can_be_pulled(repository: Repository) -> set[str]:
    """Digests of manifests, as the registry itself answers for them."""
    present = Manifest.objects.present().values_list("pk", "digest")
    return {
        digest
        for pk, digest in present
        if not is_abandoned(repository=repository, manifest_id=pk, now=LATER)
    }


def _assert_no_signature_went_before_its_subject(repository: Repository, gone: set[str]) -> None:
    subjects = {subject for name in gone if (subject := subject_of(name))}
    assert not subjects & _can_be_pulled(repository)


def _assert_indexes_are_whole(repository: Repository) -> None:
    """What an index that has a tag lists can be pulled, and is no garbage."""
    tagged = Tag.objects.alive(at=LATER).values("manifest")
    edges = ManifestChild.objects.filter(parent__in=tagged)
    listed = set(edges.values_list("child_digest", flat=True))

    assert listed <= _can_be_pulled(repository)
    collect(now=LATER + 60 * DAY, report=Report())
    assert listed <= set(Manifest.objects.values_list("digest", flat=True))
