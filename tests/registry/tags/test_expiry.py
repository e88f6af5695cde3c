"""Tags that expire: what asks for it, when they are gone, and what is said about it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestBlobUnknown, ManifestUnknown
from artifacts.oci.expiry import ExpirySource
from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from artifacts.oci.names import Reference
from registry.manifests.models import Manifest
from registry.manifests.reads import resolve_manifest
from registry.manifests.restoration import restore_tag
from registry.repositories.models import Repository
from registry.storage.select import blob_store
from registry.tags.models import EndReason, Tag
from registry.tags.services import (
    ExpiryRefused,
    TagImmutable,
    delete_tag,
    set_expiry,
    set_immutable,
    sweep_expired,
)
from registry.tags.tasks import sweep_expired as sweep_task
from tests.registry.builders import (
    NOW,
    bearer,
    descriptor,
    error_of,
    hold,
    image,
    index,
    make_repository,
    owner_of,
    push,
)

pytestmark = pytest.mark.django_db

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
KEY = "quay.expires-after"


def config(labels: Mapping[str, Any], **changed: Any) -> bytes:
    return json.dumps({"config": {"Labels": labels}, **changed}).encode()


def labelled(repository: Repository, lifetime: str, **changed: Any) -> bytes:
    """An image whose config carries the label; its config is held."""
    content = config({KEY: lifetime})
    hold(repository, content)
    return image(content, **changed)


def live(repository: Repository, name: str = "v1") -> Tag:
    return Tag.objects.live().get(repository=repository, name=name)


def can_pull(repository: Repository, reference: str, at: datetime) -> bool:
    try:
        resolve_manifest(
            repository=repository, reference=Reference.parse(reference), with_body=True, now=at
        )
    except ManifestUnknown:
        return False
    return True


# --- What asks for an expiry --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("12h", timedelta(hours=12)),
        ("3d", 3 * DAY),
        ("2w", 2 * WEEK),
        ("1y", 365 * DAY),
    ],
)
def test_a_label_of_the_image_counts_from_the_push(
    repository: Repository, text: str, lifetime: timedelta
) -> None:
    push(repository, labelled(repository, text))

    tag = live(repository)
    assert tag.expires_at == NOW + lifetime
    assert tag.expiry_source == ExpirySource.LABEL
    assert tag.warning == ""


def test_an_annotation_wins_over_the_label(repository: Repository) -> None:
    push(repository, labelled(repository, "1h", annotations={KEY: "2d"}))

    tag = live(repository)
    assert tag.expires_at == NOW + 2 * DAY
    assert tag.expiry_source == ExpirySource.ANNOTATION


def test_every_tag_of_a_push_expires(repository: Repository) -> None:
    push(repository, labelled(repository, "1h"), "a", tags=("b", "c"))

    assert set(Tag.objects.values_list("expires_at", flat=True)) == {NOW + HOUR}


def test_a_push_by_digest_expires_nothing(repository: Repository) -> None:
    body = labelled(repository, "1h")
    push(repository, body, str(Digest.of(body)))

    assert can_pull(repository, str(Digest.of(body)), NOW + DAY)


def test_labels_are_kept_with_the_manifest(repository: Repository) -> None:
    content = config({"a": "b", "n": 1, "nul": "\x00", "odd": "\ud800"})
    hold(repository, content)

    manifest = push(repository, image(content))

    assert Manifest.objects.get(pk=manifest.pk).labels == {
        "a": "b",
        "nul": "\ufffd",
        "odd": "\ufffd",
    }


def test_what_is_no_image_has_no_labels(repository: Repository) -> None:
    content = config({KEY: "1h"})
    hold(repository, content)
    chart = json.loads(image(content))
    chart["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"

    assert push(repository, json.dumps(chart).encode()).labels == {}
    assert live(repository).expires_at is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"config": {"Labels": 3}}'])
def test_a_config_that_cannot_be_read_does_not_fail_the_push(
    repository: Repository, content: bytes
) -> None:
    hold(repository, content)

    assert push(repository, image(content)).labels == {}


def test_a_config_whose_bytes_are_lost_must_be_pushed_again(repository: Repository) -> None:
    (blob,) = hold(repository, config({KEY: "1h"}))
    blob_store().delete(blob.storage_key)

    with pytest.raises(ManifestBlobUnknown):
        push(repository, image(config({KEY: "1h"})))
    hold(repository, config({KEY: "1h"}))

    assert push(repository, image(config({KEY: "1h"}))).labels == {KEY: "1h"}


def test_the_config_of_another_repository_is_not_read(repository: Repository) -> None:
    other = make_repository("acme/other")
    body = labelled(other, "1h")

    with pytest.raises(Exception, match="does not hold"):
        push(repository, body)
    assert not Manifest.objects.filter(repository=repository).exists()


# --- Indexes ------------------------------------------------------------------------------------


def push_children(repository: Repository, *children: bytes) -> None:
    for child in children:
        push(repository, child, str(Digest.of(child)))


def test_an_annotation_of_the_index_counts(repository: Repository) -> None:
    child = labelled(repository, "1h")
    push_children(repository, child)

    push(repository, index(child, annotations={KEY: "3d"}))

    assert live(repository).expires_at == NOW + 3 * DAY
    assert live(repository).expiry_source == ExpirySource.ANNOTATION


def test_an_index_expires_as_all_its_images_ask(repository: Repository) -> None:
    one, two = (labelled(repository, "1h", annotations={"n": n}) for n in "12")
    push_children(repository, one, two)

    push(repository, index(one, two))

    assert live(repository).expires_at == NOW + HOUR
    assert live(repository).expiry_source == ExpirySource.IMAGES


def test_an_annotation_of_a_child_wins_over_its_label(repository: Repository) -> None:
    one = labelled(repository, "1h", annotations={KEY: "2h"})
    two = labelled(repository, "2h")
    push_children(repository, one, two)

    push(repository, index(one, two))

    assert live(repository).expires_at == NOW + 2 * HOUR


def attestation(repository: Repository, subject: bytes, *, by_type: bool) -> dict[str, Any]:
    """The entry of an index that says something about an image beside it, as BuildKit writes it."""
    hold(repository, b"{}", b"statement")
    layers = [descriptor(b"statement", "application/vnd.in-toto+json")] if by_type else []
    body = image(b"{}", layers=layers)
    push_children(repository, body)
    annotations = {
        "vnd.docker.reference.digest": str(Digest.of(subject)),
        "vnd.docker.reference.type": "attestation-manifest",
    }
    return {
        **descriptor(body, OCI_MANIFEST),
        "platform": {"architecture": "unknown", "os": "unknown"},
        **({} if by_type else {"annotations": annotations}),
    }


@pytest.mark.parametrize("by_type", [True, False])
def test_attestations_are_not_asked(repository: Repository, by_type: bool) -> None:
    child = labelled(repository, "1h")
    push_children(repository, child)
    said = attestation(repository, child, by_type=by_type)

    push(repository, index(manifests=[descriptor(child, OCI_MANIFEST), said]))

    assert live(repository).expires_at == NOW + HOUR
    assert live(repository).warning == ""


def test_images_that_do_not_agree_are_a_warning(repository: Repository) -> None:
    hold(repository, b"{}")
    one, two = labelled(repository, "1h"), image(b"{}")
    push_children(repository, one, two)

    push(repository, index(one, two))

    assert live(repository).expires_at is None
    assert "the images of the index do not all say the same" in live(repository).warning


def test_an_image_that_is_not_here_agrees_on_nothing(repository: Repository) -> None:
    child = labelled(repository, "1h")
    push_children(repository, child)

    push(repository, index(child, image(b"away")))

    assert live(repository).expires_at is None
    assert live(repository).warning


def test_images_that_came_after_their_index_count_when_it_is_pushed_again(
    repository: Repository,
) -> None:
    child = labelled(repository, "1h")
    push(repository, index(child))
    assert live(repository).expires_at is None

    push_children(repository, child)
    push(repository, index(child))

    assert live(repository).expires_at == NOW + HOUR


def test_an_index_of_indexes_expires_as_all_their_images_ask(repository: Repository) -> None:
    child = labelled(repository, "1h")
    inner = index(child)
    push_children(repository, child, inner)
    outer = index(manifests=[descriptor(inner, OCI_INDEX)])

    push(repository, outer)

    assert live(repository).expires_at == NOW + HOUR


# --- Bad values ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2 days", "", "-1d", "999999999999999999999y", "1001y", "2D"])
def test_a_bad_value_leaves_a_warning_on_a_tag_that_stays(
    repository: Repository, text: str
) -> None:
    push(repository, labelled(repository, text))

    tag = live(repository)
    assert tag.expires_at is None
    assert tag.warning.startswith("quay.expires-after: ")


def test_zero_is_no_expiry(repository: Repository) -> None:
    push(repository, labelled(repository, "0d"))

    assert live(repository).expires_at is None
    assert live(repository).warning == ""


def test_a_thousand_years_are_kept_exactly(repository: Repository) -> None:
    push(repository, labelled(repository, "1000y"))

    assert live(repository).expires_at == NOW + 365_000 * DAY


def test_a_warning_goes_with_the_push_that_puts_it_right(repository: Repository) -> None:
    push(repository, labelled(repository, "soon"))
    push(repository, labelled(repository, "1d"))

    assert live(repository).warning == ""


# --- Gone at once -------------------------------------------------------------------------------


def test_an_expired_tag_is_gone_at_once(repository: Repository) -> None:
    push(repository, labelled(repository, "1h"))

    assert can_pull(repository, "v1", NOW + HOUR - timedelta(microseconds=1))
    assert not can_pull(repository, "v1", NOW + HOUR)


@pytest.fixture
def pusher(repository: Repository) -> Client:
    scopes = (f"repository:{repository.path}:pull,push,delete", "registry:catalog:*")
    return Client(headers=bearer(owner_of("acme"), *scopes))


@pytest.fixture
def expired(repository: Repository) -> bytes:
    """The body of what ``v1`` stood for until an hour ago; nothing has been swept."""
    body = labelled(repository, "1h", annotations={"expired": "yes"})
    push(repository, body, now=datetime.now(UTC) - 2 * HOUR)
    return body


def test_an_expired_tag_is_gone_for_every_door(pusher: Client, expired: bytes) -> None:
    path = "/v2/acme/web/manifests"
    digest = Digest.of(expired)

    assert pusher.get(f"{path}/v1").status_code == 404
    assert pusher.head(f"{path}/v1").status_code == 404
    assert pusher.get(f"{path}/{digest}").status_code == 404
    assert pusher.head(f"{path}/{digest}").status_code == 404
    assert pusher.get("/v2/acme/web/tags/list").json()["tags"] == []
    assert pusher.delete(f"{path}/v1").status_code == 404
    # Who creates a tag only where none is, may.
    created = pusher.generic(
        "PUT", f"{path}/v1", expired, OCI_MANIFEST, headers={"If-None-Match": "*"}
    )
    assert created.status_code == 201


def test_the_pull_of_an_expired_tag_tells_why(pusher: Client, expired: bytes) -> None:
    tag = Tag.objects.get()
    assert tag.expires_at is not None

    code, message = error_of(pusher.get("/v2/acme/web/manifests/v1").json())

    assert code == "MANIFEST_UNKNOWN"
    assert message == (
        f"the tag v1 expired on {tag.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        f" and can be restored until {tag.expires_at + 2 * WEEK:%Y-%m-%d %H:%M:%S} UTC"
    )


def test_the_pull_of_a_deleted_tag_tells_why(repository: Repository, pusher: Client) -> None:
    push(repository, labelled(repository, "0s"))
    assert pusher.delete("/v2/acme/web/manifests/v1").status_code == 202

    code, message = error_of(pusher.get("/v2/acme/web/manifests/v1").json())

    assert code == "MANIFEST_UNKNOWN"
    assert message.startswith("the tag v1 was deleted on ")
    assert " and can be restored until " in message


def test_past_the_time_machine_nothing_is_promised(repository: Repository) -> None:
    push(repository, labelled(repository, "1h"))
    tag = Reference.parse("v1")

    with pytest.raises(ManifestUnknown, match=r"expired on .* and can no longer be restored"):
        resolve_manifest(
            repository=repository, reference=tag, with_body=False, now=NOW + HOUR + 2 * WEEK
        )


def test_the_time_machine_of_the_organization_counts(repository: Repository) -> None:
    repository.namespace.tag_expiration_seconds = 0
    repository.namespace.save()
    push(repository, labelled(repository, "1h"))

    with pytest.raises(ManifestUnknown, match="can no longer be restored"):
        resolve_manifest(
            repository=repository, reference=Reference.parse("v1"), with_body=False, now=NOW + HOUR
        )


def test_a_push_answers_with_a_warning_that_headers_can_hold(
    repository: Repository, pusher: Client
) -> None:
    hold(repository, b"{}")
    body = image(b"{}", annotations={KEY: 'a "b" \\ \n\u2028', "quay.immutable": "perhaps"})

    answer = pusher.generic("PUT", "/v2/acme/web/manifests/v1", body, OCI_MANIFEST)

    assert answer.status_code == 201
    warning = answer.headers["Warning"]
    assert warning.startswith('299 - "quay.expires-after: ')
    assert "the tag is not immutable" in warning
    assert "\n" not in warning


def test_a_push_by_digest_answers_with_a_warning_too(
    repository: Repository, pusher: Client
) -> None:
    hold(repository, b"{}")
    body = image(b"{}", annotations={KEY: "soon"})

    answer = pusher.generic("PUT", f"/v2/acme/web/manifests/{Digest.of(body)}", body, OCI_MANIFEST)

    assert answer.status_code == 201
    assert answer.headers["Warning"].startswith('299 - "quay.expires-after: ')


def test_a_push_without_fault_has_no_warning(repository: Repository, pusher: Client) -> None:
    body = labelled(repository, "1h")

    answer = pusher.generic("PUT", "/v2/acme/web/manifests/v1", body, OCI_MANIFEST)

    assert answer.status_code == 201
    assert "Warning" not in answer.headers


# --- A push counts anew -------------------------------------------------------------------------


def test_a_push_of_the_same_manifest_begins_its_lifetime_anew(repository: Repository) -> None:
    body = labelled(repository, "1h")
    push(repository, body)

    push(repository, body, now=NOW + HOUR / 2)

    assert live(repository).expires_at == NOW + HOUR * 1.5
    assert Tag.objects.count() == 1


def test_a_push_after_the_expiry_is_a_new_entry_of_the_history(repository: Repository) -> None:
    body = labelled(repository, "1h")
    push(repository, body)

    push(repository, body, now=NOW + 3 * HOUR)

    before, after = Tag.objects.order_by("pk")
    assert (before.ended_at, before.end_reason) == (NOW + HOUR, EndReason.EXPIRE)
    assert (after.started_at, after.expires_at) == (NOW + 3 * HOUR, NOW + 4 * HOUR)


def test_a_push_that_asks_for_nothing_ends_the_expiry(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    set_expiry(repository=repository, name="v1", expires_at=NOW + DAY, now=NOW)

    push(repository, image(b"{}"), now=NOW + HOUR)

    assert live(repository).expires_at is None
    assert live(repository).expiry_source == ""


# --- Set and removed later ----------------------------------------------------------------------


@pytest.fixture
def tag(repository: Repository) -> Tag:
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    return live(repository)


def test_an_expiry_is_set_and_removed(repository: Repository, tag: Tag) -> None:
    by = Actor("carol", "192.0.2.7")

    set_expiry(repository=repository, name="v1", expires_at=NOW + DAY, now=NOW, by=by)

    assert live(repository).expires_at == NOW + DAY
    assert live(repository).expiry_source == ExpirySource.PERSON
    assert not can_pull(repository, "v1", NOW + DAY)
    set_expiry(repository=repository, name="v1", expires_at=None, now=NOW, by=by)
    assert live(repository).expires_at is None
    assert can_pull(repository, "v1", NOW + DAY)
    events = AuditEvent.objects.filter(action="tag.expiry").order_by("pk")
    assert [(event.actor, event.target) for event in events] == [("carol", "acme/web:v1")] * 2
    assert json.loads(events[0].detail) == {"expires_at": (NOW + DAY).isoformat()}


@pytest.mark.parametrize(
    "moment",
    [NOW - DAY, NOW, NOW + HOUR - timedelta(seconds=1), NOW + 104 * WEEK + timedelta(seconds=1)],
)
def test_a_moment_outside_the_limits_is_refused(
    repository: Repository, tag: Tag, moment: datetime
) -> None:
    with pytest.raises(ExpiryRefused, match=r"a tag may expire from .* to .*"):
        set_expiry(repository=repository, name="v1", expires_at=moment, now=NOW)

    assert live(repository).expires_at is None
    assert not AuditEvent.objects.filter(action="tag.expiry").exists()


@pytest.mark.parametrize("moment", [NOW + timedelta(minutes=1), NOW + 365 * DAY])
def test_the_limits_are_settings_and_belong_to_what_is_allowed(
    repository: Repository, tag: Tag, moment: datetime, settings: Settings
) -> None:
    settings.LABELED_EXPIRATION_MINIMUM = "1m"
    settings.LABELED_EXPIRATION_MAXIMUM = "1y"

    set_expiry(repository=repository, name="v1", expires_at=moment, now=NOW)

    assert live(repository).expires_at == moment


def test_the_expiry_of_what_is_gone_cannot_be_set(repository: Repository, tag: Tag) -> None:
    delete_tag(repository=repository, name="v1", now=NOW)

    for name in ("v1", "never"):
        with pytest.raises(ManifestUnknown):
            set_expiry(repository=repository, name=name, expires_at=NOW + DAY, now=NOW)


def test_an_expired_tag_cannot_be_prolonged(repository: Repository) -> None:
    push(repository, labelled(repository, "1h"))

    with pytest.raises(ManifestUnknown):
        set_expiry(repository=repository, name="v1", expires_at=None, now=NOW + HOUR)


def test_immutable_tags_expire_unless_the_configuration_says_no(
    repository: Repository, tag: Tag, settings: Settings
) -> None:
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW)
    set_expiry(repository=repository, name="v1", expires_at=NOW + DAY, now=NOW)
    assert live(repository).expires_at == NOW + DAY

    settings.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE = False

    with pytest.raises(TagImmutable):
        set_expiry(repository=repository, name="v1", expires_at=NOW + 2 * DAY, now=NOW)
    set_immutable(repository=repository, name="v1", is_immutable=True, now=NOW)
    assert live(repository).expires_at is None


def test_a_label_does_not_make_an_immutable_tag_expire_when_the_configuration_says_no(
    repository: Repository, settings: Settings
) -> None:
    settings.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE = False
    push(repository, labelled(repository, "1h", annotations={"quay.immutable": "true"}))

    assert live(repository).expires_at is None
    assert live(repository).warning == "the tag is immutable, so it does not expire"


# --- The sweep ----------------------------------------------------------------------------------


def test_the_sweep_writes_down_what_expired_and_when(repository: Repository) -> None:
    push(repository, labelled(repository, "1h"), "short")
    push(repository, labelled(repository, "1d"), "long")

    assert sweep_expired(now=NOW + 5 * HOUR, limit=10) == 1
    assert sweep_expired(now=NOW + 5 * HOUR, limit=10) == 0

    swept = Tag.objects.get(name="short")
    assert (swept.ended_at, swept.end_reason) == (NOW + HOUR, EndReason.EXPIRE)
    assert live(repository, "long").end_reason == ""


def test_the_sweep_takes_a_batch_at_a_time_the_oldest_first(repository: Repository) -> None:
    for n in (3, 1, 2):
        push(repository, labelled(repository, f"{n}h"), f"t{n}")

    assert sweep_expired(now=NOW + DAY, limit=2) == 2

    assert [tag.name for tag in Tag.objects.live()] == ["t3"]
    assert sweep_expired(now=NOW + DAY, limit=2) == 1


def test_the_task_sweeps(repository: Repository, expired: bytes) -> None:
    sweep_task()

    assert Tag.objects.get().end_reason == EndReason.EXPIRE


def test_what_the_sweep_took_can_be_restored_and_does_not_expire_again(
    repository: Repository,
) -> None:
    body = labelled(repository, "1h")
    push(repository, body)
    sweep_expired(now=NOW + 2 * HOUR, limit=10)

    restore_tag(repository=repository, name="v1", digest=str(Digest.of(body)), now=NOW + DAY)

    assert can_pull(repository, "v1", NOW + WEEK)
