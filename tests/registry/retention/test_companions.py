"""Signatures and indexes: what hangs together stays together, and goes together."""

from collections.abc import Callable

import pytest

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import Reference
from registry.gc.report import Report
from registry.gc.services import collect
from registry.manifests.models import Manifest
from registry.manifests.reads import resolve_manifest
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository
from registry.retention.rules import Rule
from registry.retention.services import run
from registry.tags.models import EndReason, Tag
from registry.tags.services import delete_tag, set_immutable
from tests.registry.builders import NOW, descriptor, hold, image, index, push
from tests.registry.retention.tags import (
    AGE,
    DAY,
    HOUR,
    KEEP,
    LATER,
    NUMBER,
    alive,
    companion,
    glob,
    kept_by_run,
    rules,
    sign,
    some_image,
    why_ended,
)

pytestmark = pytest.mark.django_db(transaction=True)

SUFFIXES = [".sig", ".att", ".sbom", ""]
MUCH_LATER = LATER + 30 * DAY  # past the time machine
ONE, TWO, THREE = map(some_image, (1, 2, 3))


@pytest.fixture(autouse=True)
def config_held(repository: Repository) -> None:
    hold(repository, b"{}")


@pytest.fixture
def collected() -> Callable[[], None]:
    def run_collection() -> None:
        report = Report()
        collect(now=MUCH_LATER, report=report)
        assert report.problems == []

    return run_collection


def by_digest(body: bytes) -> str:
    return str(Digest.of(body))


def can_be_pulled(repository: Repository, reference: str) -> bool:
    try:
        resolve_manifest(
            repository=repository,
            reference=Reference.parse(reference),
            with_body=True,
            now=LATER + HOUR,
        )
    except ManifestUnknown:
        return False
    return True


# --- Companion tags -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_companion_goes_with_its_subject(repository: Repository, suffix: str) -> None:
    push(repository, ONE, "v1")
    push(repository, TWO, "v2", now=NOW + HOUR)
    for body in (ONE, TWO):
        sign(repository, body, suffix)
    rules(repository, Rule(NUMBER, 1))

    assert kept_by_run(repository) == {"v2", companion(TWO, suffix)}
    assert why_ended(repository, companion(ONE, suffix)) is EndReason.SUBJECT


def test_a_companion_is_no_tag_to_the_rules(repository: Repository) -> None:
    push(repository, ONE, "v1", now=LATER - HOUR)
    signature = sign(repository, ONE)  # long before
    rules(repository, Rule(AGE, 7200), Rule(NUMBER, 1))

    assert kept_by_run(repository) == {"v1", companion(ONE)}
    assert can_be_pulled(repository, by_digest(signature))


def test_a_companion_stays_while_its_subject_has_another_tag(repository: Repository) -> None:
    push(repository, ONE, "v1", tags=("stable",))
    sign(repository, ONE)
    rules(repository, Rule(KEEP, 0, glob("stable")), Rule(AGE, 1))

    assert kept_by_run(repository) == {"stable", companion(ONE)}


def test_a_companion_stays_while_an_index_lists_its_subject(repository: Repository) -> None:
    push(repository, ONE, "v1-amd64")
    push(repository, index(ONE), "v1")
    sign(repository, ONE)
    rules(repository, Rule(AGE, 1, glob("*-amd64")))

    assert kept_by_run(repository) == {"v1", companion(ONE)}


def test_a_companion_of_a_referrer_stays_while_what_that_refers_to_does(
    repository: Repository,
) -> None:
    push(repository, ONE, "v1")
    sbom = image(b"{}", subject=descriptor(ONE))
    push(repository, sbom, "v1-sbom")
    sign(repository, sbom)
    rules(repository, Rule(AGE, 1, glob("*-sbom")))

    assert kept_by_run(repository) == {"v1", companion(sbom)}


def test_companions_of_an_index_s_images_go_with_the_last_tag_of_all(
    repository: Repository,
) -> None:
    push(repository, ONE, "v1-amd64")
    push(repository, index(ONE), "v1")
    for body in (ONE, index(ONE)):
        sign(repository, body)
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == set()


def test_a_companion_stays_while_an_image_that_was_never_tagged_can_be_pulled(
    repository: Repository,
) -> None:
    push(repository, ONE, by_digest(ONE))
    push(repository, index(ONE), "v1")
    sign(repository, ONE)
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {companion(ONE)}
    assert can_be_pulled(repository, by_digest(ONE))


def test_a_companion_stays_while_a_new_push_by_digest_holds_its_subject(
    repository: Repository,
) -> None:
    push(repository, ONE, "v1")
    push(repository, ONE, by_digest(ONE), now=LATER)
    sign(repository, ONE)
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {companion(ONE)}


def test_an_immutable_companion_stays_and_holds_what_it_points_at(repository: Repository) -> None:
    push(repository, ONE, "v1")
    signature = sign(repository, ONE)
    sign(repository, signature)
    name = companion(ONE)
    set_immutable(repository=repository, name=name, is_immutable=True, now=NOW)
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {name, companion(signature)}


def test_an_immutable_subject_keeps_its_companions(repository: Repository) -> None:
    push(repository, ONE, "v1")
    sign(repository, ONE)
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW)
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {"v1", companion(ONE)}


def test_the_signature_of_a_signature_goes_with_both(repository: Repository) -> None:
    push(repository, ONE, "v1")
    push(repository, TWO, "v2", now=NOW + HOUR)
    for body in (ONE, TWO):
        sign(repository, sign(repository, body))
    rules(repository, Rule(NUMBER, 1))

    second = companion(image(b"{}", annotations={"signs": companion(TWO)}))
    assert kept_by_run(repository) == {"v2", companion(TWO), second}


def test_one_manifest_under_two_companion_tags_is_held_by_either_subject(
    repository: Repository,
) -> None:
    push(repository, ONE, "v1")
    push(repository, TWO, "v2", now=NOW + HOUR)
    shared = some_image(9)
    push(repository, shared, companion(ONE), tags=(companion(TWO),))
    sign(repository, shared)
    rules(repository, Rule(NUMBER, 1))

    assert kept_by_run(repository) == {"v2", companion(TWO), companion(shared)}


def test_companions_that_name_each_other_do_not_hold_each_other(repository: Repository) -> None:
    push(repository, ONE, "v1", tags=(companion(TWO),))
    push(repository, TWO, companion(ONE))
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == set()


def test_companions_that_name_each_other_and_lost_no_tag_are_left_alone(
    repository: Repository,
) -> None:
    push(repository, ONE, companion(TWO))
    push(repository, TWO, companion(ONE))
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {companion(ONE), companion(TWO)}


def test_a_companion_of_what_somebody_deleted_is_left_to_garbage_collection(
    repository: Repository,
) -> None:
    push(repository, ONE, "v1")
    push(repository, TWO, "v2")
    for body in (ONE, TWO):
        sign(repository, body)
    delete_tag(repository=repository, name="v1", now=NOW + HOUR)
    delete_manifest(repository=repository, digest=Digest.of(TWO), now=NOW + HOUR)
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {companion(ONE), companion(TWO)}


def test_a_run_that_was_cut_short_is_finished_by_the_next(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(repository, ONE, "v1")
    sign(repository, ONE)
    rules(repository, Rule(AGE, 1))
    with monkeypatch.context() as cut:
        cut.setattr("registry.retention.services._remove_companions", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(repository=repository, now=LATER)
    assert alive(repository) == {companion(ONE)}

    assert kept_by_run(repository, LATER + HOUR) == set()


def _interrupt(*_: object) -> int:
    raise KeyboardInterrupt


def test_the_companion_of_a_sha512_digest_goes_with_it(repository: Repository) -> None:
    long = f"sha512:{Digest.of(ONE, 'sha512').hex}"
    push(repository, ONE, long, tags=("v1",))
    push(repository, TWO, f"sha512-{Digest.of(ONE, 'sha512').hex[:64]}")
    push(repository, THREE, f"sha512-{'0' * 64}")
    rules(repository, Rule(AGE, 1))

    assert kept_by_run(repository) == {f"sha512-{'0' * 64}"}


# --- With garbage collection ----------------------------------------------------------------------


def test_an_index_goes_on_whole_when_the_tags_of_its_images_went(
    repository: Repository, collected: Callable[[], None]
) -> None:
    push(repository, ONE, "v1-amd64")
    push(repository, TWO, "v1-arm64")
    push(repository, index(ONE, TWO), "v1")
    rules(repository, Rule(AGE, 1, glob("v1-*")))

    assert kept_by_run(repository) == {"v1"}
    assert can_be_pulled(repository, by_digest(ONE))
    collected()

    assert Manifest.objects.count() == 3
    assert can_be_pulled(repository, by_digest(TWO))


def test_a_subject_goes_with_its_referrers_and_companions_to_the_last(
    repository: Repository, collected: Callable[[], None]
) -> None:
    for body, name in ((ONE, "v1"), (TWO, "v2")):
        push(repository, body, name, now=NOW if name == "v1" else NOW + HOUR)
        referrer = image(b"{}", subject=descriptor(body))
        push(repository, referrer, by_digest(referrer))
        sign(repository, body)
    rules(repository, Rule(NUMBER, 1))

    assert kept_by_run(repository) == {"v2", companion(TWO)}
    collected()

    left = set(Manifest.objects.values_list("digest", flat=True))
    referrer = image(b"{}", subject=descriptor(TWO))
    signature = Tag.objects.live().get(name=companion(TWO)).manifest.digest
    assert left == {by_digest(TWO), by_digest(referrer), signature}


def test_a_tagged_signature_that_a_rule_lets_go_of_stays_with_its_subject(
    repository: Repository, collected: Callable[[], None]
) -> None:
    push(repository, ONE, "v1")
    signature = image(b"{}", subject=descriptor(ONE))
    push(repository, signature, "v1-signature")
    rules(repository, Rule(AGE, 1, glob("*-signature")))

    assert kept_by_run(repository) == {"v1"}
    assert can_be_pulled(repository, by_digest(signature))
    collected()

    assert Manifest.objects.filter(digest=by_digest(signature)).exists()


def test_who_asks_for_a_companion_that_went_is_told_why(repository: Repository) -> None:
    push(repository, ONE, "v1")
    sign(repository, ONE)
    rules(repository, Rule(AGE, 1))
    run(repository=repository, now=LATER)

    with pytest.raises(ManifestUnknown, match="was removed with the manifest it was attached to"):
        resolve_manifest(
            repository=repository,
            reference=Reference(tag=companion(ONE)),
            with_body=False,
            now=LATER,
        )
