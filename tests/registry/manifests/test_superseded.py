"""Pulls by digest of what a tag left behind that moved on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.users.models import Namespace
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import Reference
from registry.gc.report import Report
from registry.gc.services import collect
from registry.manifests.models import Manifest
from registry.manifests.reads import ResolvedManifest, renew_lease, resolve_manifest
from registry.manifests.removal import delete_companions, delete_manifest, delete_tag_for_good
from registry.manifests.restoration import restore_tag
from registry.manifests.services import tag_manifest
from registry.manifests.standing import Superseded, is_abandoned
from registry.repositories.models import Repository
from registry.retention.rules import Rule
from registry.retention.services import run, set_rules
from registry.tags.models import EndReason, Tag
from registry.tags.services import delete_tag, set_expiry, sweep_expired
from tests.registry.builders import (
    NOW,
    bearer,
    descriptor,
    hold,
    image,
    index,
    make_repository,
    owner_of,
    push,
)
from tests.registry.retention.tags import NUMBER
from tests.ui.contents.pushed import page

pytestmark = pytest.mark.django_db

HOUR, WEEK, TICK = timedelta(hours=1), timedelta(weeks=1), timedelta(microseconds=1)
OLD, NEW = image(b"{}"), image(b"{}", annotations={"build": "2"})
MOVED = NOW + HOUR
END = MOVED + 2 * WEEK


@pytest.fixture(autouse=True)
def latest(repository: Repository) -> None:
    """The tag points at ``OLD`` since ``NOW``, and nothing else is there."""
    hold(repository, b"{}")
    push(repository, OLD, "latest")


def move(repository: Repository, at: datetime = MOVED, tag: str = "latest") -> None:
    push(repository, NEW, tag, now=at)


def pulled(repository: Repository, body: bytes, at: datetime) -> ResolvedManifest | None:
    try:
        return resolve_manifest(
            repository=repository,
            reference=Reference(digest=Digest.of(body)),
            with_body=True,
            now=at,
        )
    except ManifestUnknown:
        return None


def superseded(repository: Repository, at: datetime, body: bytes = OLD) -> Superseded | None:
    found = pulled(repository, body, at)
    return found.superseded if found else None


def test_what_a_moved_tag_left_behind_is_pulled_until_the_time_machine_ends(
    repository: Repository,
) -> None:
    move(repository)

    assert superseded(repository, MOVED) == Superseded("latest", END)
    assert superseded(repository, END - TICK) == Superseded("latest", END)
    assert pulled(repository, OLD, END) is None


def test_what_a_living_tag_names_is_pulled_without_a_word(repository: Repository) -> None:
    push(repository, OLD, "v1")
    move(repository)

    found = pulled(repository, OLD, MOVED)

    assert found
    assert found.superseded is None


def test_the_organization_chooses_how_long(repository: Repository) -> None:
    move(repository)
    Namespace.objects.filter(name="acme").update(tag_expiration_seconds=60)

    assert superseded(repository, MOVED) == Superseded("latest", MOVED + timedelta(minutes=1))
    assert pulled(repository, OLD, MOVED + timedelta(minutes=1)) is None


def _delete(repository: Repository) -> None:
    delete_tag(repository=repository, name="v1", now=MOVED + HOUR)


def _delete_manifest(repository: Repository) -> None:
    delete_manifest(repository=repository, digest=Digest.of(OLD), now=MOVED + HOUR)


def _expire(repository: Repository) -> None:
    set_expiry(repository=repository, name="v1", expires_at=MOVED + HOUR, now=MOVED)


def _expire_and_sweep(repository: Repository) -> None:
    _expire(repository)
    sweep_expired(now=MOVED + HOUR, limit=10)


def _prune(repository: Repository) -> None:
    set_rules(place=repository, rules=[Rule(NUMBER, 1, None)], now=MOVED)
    run(repository=repository, now=MOVED + HOUR)


@pytest.mark.parametrize("end", [_delete, _delete_manifest, _expire, _expire_and_sweep, _prune])
def test_what_loses_its_last_tag_in_another_way_is_gone_at_once(
    repository: Repository, end: Callable[[Repository], None]
) -> None:
    push(repository, OLD, "v1")
    move(repository)
    assert pulled(repository, OLD, MOVED)

    end(repository)

    assert pulled(repository, OLD, MOVED + HOUR) is None


def test_a_tag_that_was_deleted_and_pushed_anew_left_nothing_behind(
    repository: Repository,
) -> None:
    delete_tag(repository=repository, name="latest", now=NOW + HOUR / 2)
    move(repository)

    assert pulled(repository, OLD, MOVED) is None


def test_a_tag_that_came_back_and_was_deleted_then_left_nothing_behind(
    repository: Repository,
) -> None:
    move(repository)
    push(repository, OLD, "latest", now=MOVED + HOUR)
    delete_tag(repository=repository, name="latest", now=MOVED + 2 * HOUR)

    assert pulled(repository, OLD, MOVED + 2 * HOUR) is None
    assert superseded(repository, MOVED + 2 * HOUR, NEW) == Superseded("latest", END + HOUR)


def test_what_was_left_behind_stays_when_the_newer_goes(repository: Repository) -> None:
    move(repository)
    delete_tag(repository=repository, name="latest", now=MOVED + HOUR)

    assert superseded(repository, MOVED + HOUR) == Superseded("latest", END)
    assert pulled(repository, NEW, MOVED + HOUR) is None


def test_a_tag_that_is_deleted_first_does_not_matter_when_the_other_moves(
    repository: Repository,
) -> None:
    push(repository, OLD, "v1")
    delete_tag(repository=repository, name="v1", now=NOW)
    move(repository)

    assert superseded(repository, MOVED) == Superseded("latest", END)


def test_of_a_move_and_a_deletion_at_one_moment_the_deletion_counts(
    repository: Repository,
) -> None:
    push(repository, OLD, "v1")
    move(repository)
    delete_tag(repository=repository, name="v1", now=MOVED)

    assert pulled(repository, OLD, MOVED) is None


def test_an_expiry_that_the_tag_had_when_it_moved_still_counts(repository: Repository) -> None:
    set_expiry(repository=repository, name="latest", expires_at=MOVED + HOUR, now=NOW)
    move(repository)

    assert superseded(repository, MOVED) == Superseded("latest", MOVED + HOUR)
    assert pulled(repository, OLD, MOVED + HOUR) is None


def test_a_restored_tag_leaves_the_newer_behind(repository: Repository) -> None:
    move(repository)
    restore_tag(repository=repository, name="latest", digest=str(Digest.of(OLD)), now=MOVED + HOUR)

    assert superseded(repository, MOVED + HOUR) is None
    assert superseded(repository, MOVED + HOUR, NEW) == Superseded("latest", END + HOUR)


def test_of_several_tags_that_moved_the_last_tells_until_when(repository: Repository) -> None:
    push(repository, OLD, "v1")
    move(repository)
    move(repository, MOVED + HOUR, "v1")

    assert superseded(repository, MOVED + HOUR) == Superseded("v1", END + HOUR)


def test_what_is_deleted_for_good_is_gone_although_the_tag_moved_on(
    repository: Repository, settings: Settings
) -> None:
    settings.PERMANENTLY_DELETE_TAGS = True
    move(repository)

    delete_tag_for_good(
        repository=repository, name="latest", digest=str(Digest.of(OLD)), now=MOVED + HOUR
    )

    assert pulled(repository, OLD, MOVED + HOUR) is None


def test_an_index_that_was_left_behind_leads_to_its_images(repository: Repository) -> None:
    push(repository, index(OLD), "all")
    delete_tag(repository=repository, name="latest", now=NOW + TICK)
    move(repository, tag="all")

    assert superseded(repository, MOVED) == Superseded("all", END)
    assert pulled(repository, OLD, END) is None


def test_a_subject_that_was_left_behind_leads_to_its_referrers(repository: Repository) -> None:
    signature = image(b"{}", subject=descriptor(OLD))
    push(repository, signature, "signature")
    delete_tag(repository=repository, name="signature", now=NOW + TICK)
    move(repository)

    assert superseded(repository, MOVED, signature) == Superseded("latest", END)
    path = f"/v2/acme/web/referrers/{Digest.of(OLD)}"
    headers = bearer(owner_of("acme"), "repository:acme/web:pull")
    listed = Client().get(path, headers=headers).json()["manifests"]
    assert [one["digest"] for one in listed] == [str(Digest.of(signature))]


def test_signatures_stay_as_long_as_what_was_left_behind_can_be_pulled(
    repository: Repository,
) -> None:
    name = f"{str(Digest.of(OLD)).replace(':', '-')}.sig"
    push(repository, image(b"{}", annotations={"signature": "yes"}), name)
    move(repository)
    set_rules(place=repository, rules=[Rule(NUMBER, 1, None)], now=MOVED)

    run(repository=repository, now=MOVED + HOUR)
    assert (
        delete_companions(repository=repository, digests=[str(Digest.of(OLD))], now=MOVED + HOUR)
        == []
    )

    assert Tag.objects.alive(at=MOVED + HOUR).filter(name=name).exists()


def test_collection_keeps_it_as_long_and_no_longer(repository: Repository) -> None:
    move(repository)

    collect(now=END - TICK, report=Report())
    assert pulled(repository, OLD, END - TICK)
    collect(now=END, report=Report())
    assert not Manifest.objects.filter(digest=str(Digest.of(OLD))).exists()


def test_who_may_push_and_asks_does_not_push_it_again(repository: Repository) -> None:
    move(repository)

    for moment in (MOVED + HOUR, END - 2 * HOUR):
        found = pulled(repository, OLD, moment)
        assert found
        renew_lease(manifest=found, now=moment)

    assert superseded(repository, END - HOUR) == Superseded("latest", END)


def test_who_may_push_and_asks_at_the_end_of_its_time_finds_it_for_another_grace(
    repository: Repository,
) -> None:
    move(repository)
    found = pulled(repository, OLD, END - TICK)
    assert found
    renew_lease(manifest=found, now=END - TICK)

    collect(now=END, report=Report())

    assert pulled(repository, OLD, END)


@pytest.mark.parametrize("method", ["get", "head"])
def test_the_answer_warns_and_names_the_end(method: str) -> None:
    web = make_repository("acme/fresh", is_public=True)
    now = datetime.now(UTC)
    hold(web, b"{}", now=now)
    push(web, OLD, "latest", now=now - HOUR)
    push(web, NEW, "latest", now=now)
    path = f"/v2/acme/fresh/manifests/{Digest.of(OLD)}"

    client = Client(headers=bearer(owner_of("acme"), "repository:acme/fresh:pull"))

    answer = getattr(client, method)(path)

    assert answer.status_code == 200
    assert answer.headers["Docker-Content-Digest"] == str(Digest.of(OLD))
    assert answer.headers["Warning"] == (
        f'299 - "the tag latest has moved on from {Digest.of(OLD)}, which can be pulled until'
        f' {now + 2 * WEEK:%Y-%m-%d %H:%M:%S} UTC"'
    )
    assert "Warning" not in client.get("/v2/acme/fresh/manifests/latest").headers


def test_a_client_that_asks_for_the_tag_and_then_for_its_digest_gets_it_whatever_is_pushed() -> (
    None
):
    """As containerd does."""
    web = make_repository("acme/fresh", is_public=True)
    now = datetime.now(UTC)
    hold(web, b"{}", now=now)
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/fresh:pull"))
    push(web, OLD, "latest", now=now - HOUR)

    digest = client.head("/v2/acme/fresh/manifests/latest").headers["Docker-Content-Digest"]
    push(web, NEW, "latest", now=now)
    collect(now=now + 2 * HOUR, report=Report())

    assert client.get(f"/v2/acme/fresh/manifests/{digest}").content == OLD
    config = client.get(f"/v2/acme/fresh/blobs/{Digest.of(b'{}')}")
    assert b"".join(config) == b"{}"


def test_its_page_tells_what_left_it_behind_and_until_when() -> None:
    web = make_repository("acme/fresh", is_public=True)
    now = datetime.now(UTC)
    hold(web, b"{}", now=now)
    push(web, OLD, "latest", now=now - HOUR)
    push(web, NEW, "latest", now=now)

    text = page(f"/acme/fresh/-/manifests/{Digest.of(OLD)}")

    assert "Left behind by <b>latest</b>" in text
    assert f">{now + 2 * WEEK:%Y-%m-%d %H:%M} UTC</time>" in text
    assert "Left behind" not in page(f"/acme/fresh/-/manifests/{Digest.of(NEW)}")


@dataclass(frozen=True)
class Interval:
    """One row of a tag, in whole hours: at these equal moments are frequent."""

    start: int
    end: int | None
    reason: EndReason | None
    expires: int | None


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.integers(0, 4))
    end = draw(st.none() | st.integers(start, 6))
    expires = draw(st.none() | st.integers(start, 8))
    if end is None:
        return Interval(start, None, None, expires)
    if expires is not None and expires <= end:  # as ``end_tag`` writes it
        return Interval(start, expires, EndReason.EXPIRE, expires)
    return Interval(start, end, draw(st.sampled_from(EndReason)), expires)


def expected(rows: list[Interval], pushed: int, now: int, machine: int) -> bool | int:
    """``True``: pulled without a word; hours: until then; ``False``: not at all."""
    ends = [(row.end if row.end is not None else row.expires, row) for row in rows]
    if any(row.end is None and (row.expires is None or row.expires > now) for row in rows):
        return True
    ended = [(end, row) for end, row in ends if end is not None]
    if not any(end > pushed for end, _ in ended):
        return True
    others = [end for end, row in ended if row.reason != EndReason.MOVE]
    last = max(others, default=-1)
    untils = [
        min(end + machine, row.expires if row.expires is not None else end + machine)
        for end, row in ended
        if row.reason == EndReason.MOVE and end > last
    ]
    return max((until for until in untils if until > now), default=False)


@pytest.mark.django_db(transaction=True)
@examples(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    rows=st.lists(intervals(), max_size=4),
    pushed=st.integers(0, 6),
    now=st.integers(4, 12),
    machine=st.integers(0, 6),
    is_enabled=st.booleans(),
)
def test_statements_and_walks_give_one_answer_at_equal_moments_too(
    repository: Repository,
    settings: Settings,
    rows: list[Interval],
    pushed: int,
    now: int,
    machine: int,
    is_enabled: bool,
) -> None:
    settings.FEATURE_PULL_SUPERSEDED = is_enabled
    Namespace.objects.filter(name="acme").update(tag_expiration_seconds=machine * 3600)
    Tag.objects.all().delete()
    manifest = Manifest.objects.get(digest=str(Digest.of(OLD)))
    Manifest.objects.filter(pk=manifest.pk).update(last_pushed_at=NOW + pushed * HOUR)
    Tag.objects.bulk_create(_rows(repository, manifest, rows))
    moment = NOW + now * HOUR

    answer = expected(rows, pushed, now, machine)
    if answer is not True and not is_enabled:
        answer = False
    found = pulled(repository, OLD, moment)

    assert (found is not None) == (answer is not False)
    until = found.superseded.until if found and found.superseded else None
    assert until == (None if isinstance(answer, bool) else NOW + answer * HOUR)
    walked = is_abandoned(repository=repository, manifest_id=manifest.pk, now=moment)
    assert walked == (found is None)


def _rows(repository: Repository, manifest: Manifest, rows: list[Interval]) -> list[Tag]:
    return [
        Tag(
            repository=repository,
            name=f"t{number}",
            manifest=manifest,
            started_at=NOW + row.start * HOUR,
            ended_at=None if row.end is None else NOW + row.end * HOUR,
            end_reason=row.reason or "",
            expires_at=None if row.expires is None else NOW + row.expires * HOUR,
        )
        for number, row in enumerate(rows)
    ]


def test_a_manifest_with_a_tag_of_its_own_again_is_pulled_without_a_word(
    repository: Repository,
) -> None:
    move(repository)
    tag_manifest(repository=repository, name="keep", digest=str(Digest.of(OLD)), now=MOVED + HOUR)

    assert superseded(repository, END) is None
    assert pulled(repository, OLD, END)
