"""The commands about tags: what they do, and what they say."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from artifacts.oci.digest import Digest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from tests.registry.builders import hold, image, push

pytestmark = pytest.mark.django_db

ONE, TWO = (image(b"{}", annotations={"n": n}) for n in "12")
FIRST, SECOND = str(Digest.of(ONE)), str(Digest.of(TWO))


@pytest.fixture(autouse=True)
def pushed(repository: Repository) -> None:
    """``v1`` was moved an hour ago."""
    now = datetime.now(UTC)
    hold(repository, b"{}")
    push(repository, ONE, now=now - timedelta(hours=2))
    push(repository, TWO, now=now - timedelta(hours=1))


def manage(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def live() -> Tag:
    return Tag.objects.live().select_related("manifest").get()


def test_the_tags_of_a_repository_are_shown() -> None:
    manage("expire_tag", "acme/web:v1", "--in", "2w")
    manage("immutable_tag", "acme/web:v1")

    (line,) = manage("tags", "acme/web").splitlines()

    assert line.startswith(f"v1  {SECOND}  pushed ")
    assert "  expires " in line
    assert line.endswith("(person)  immutable")


def test_the_history_of_a_repository_is_shown_the_newest_first() -> None:
    first, second = manage("tags", "acme/web", "--history").splitlines()

    assert first.startswith(f"v1  {SECOND}  pushed ")
    assert second.startswith(f"v1  {FIRST}  pushed ")
    assert "moved to another manifest" in second


def test_a_warning_is_shown(repository: Repository) -> None:
    push(repository, image(b"{}", annotations={"quay.expires-after": "soon"}), "v2")

    assert "warning: quay.expires-after: 'soon' is no lifetime" in manage("tags", "acme/web")


def test_a_tag_is_made_to_expire_at_a_moment_and_never() -> None:
    moment = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)

    said = manage("expire_tag", "acme/web:v1", "--at", f"{moment:%Y-%m-%dT%H:%M:%S}")
    assert said == f"acme/web:v1 expires on {moment:%Y-%m-%d %H:%M:%S} UTC\n"
    assert live().expires_at == moment

    assert manage("expire_tag", "acme/web:v1", "--never") == "acme/web:v1 does not expire\n"
    assert live().expires_at is None
    assert AuditEvent.objects.filter(action="tag.expiry", actor="command line").count() == 2


def test_a_tag_is_restored() -> None:
    said = manage("restore_tag", "acme/web:v1", FIRST)

    assert said == f"acme/web:v1 points at {FIRST}\n"
    assert live().manifest.digest == FIRST


def test_a_tag_is_deleted_and_for_good(settings: Settings) -> None:
    assert manage("delete_tag", "acme/web:v1") == "deleted acme/web:v1\n"
    assert Tag.objects.count() == 2
    assert not Tag.objects.live().exists()

    settings.PERMANENTLY_DELETE_TAGS = True
    said = manage("delete_tag", "acme/web:v1", "--for-good", "--digest", FIRST)

    assert said == "deleted acme/web:v1 for good\n"
    assert Tag.objects.get().manifest.digest == SECOND


def test_a_tag_is_made_immutable_and_mutable() -> None:
    assert manage("immutable_tag", "acme/web:v1") == "acme/web:v1 is immutable\n"
    assert live().is_immutable
    assert manage("immutable_tag", "acme/web:v1", "--off") == "acme/web:v1 is mutable\n"
    assert not live().is_immutable


def test_the_time_machine_is_shown_and_chosen(repository: Repository) -> None:
    assert manage("time_machine", "acme") == "tags of acme can be restored for 14 days, 0:00:00\n"

    assert manage("time_machine", "acme", "4w") == (
        "tags of acme can be restored for 28 days, 0:00:00\n"
    )
    repository.namespace.refresh_from_db()
    assert repository.namespace.tag_expiration_seconds == 28 * 86_400
    assert "14 days" in manage("time_machine", "acme", "--default")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("tags", "acme/none"), "there is no repository acme/none"),
        (("tags", "Acme/Web"), "repository name"),
        (("expire_tag", "acme/web", "--never"), "acme/web names no tag: write REPOSITORY:TAG"),
        (("expire_tag", "acme/web:none", "--never"), "acme/web has no tag none"),
        (("expire_tag", "acme/web:v 1", "--never"), "tag"),
        (("expire_tag", "acme/web:v1", "--in", "soon"), "'soon' is no lifetime"),
        (("expire_tag", "acme/web:v1", "--in", "1s"), "a tag may expire from"),
        (("expire_tag", "acme/web:v1", "--at", "soon"), "soon is no moment"),
        (("expire_tag", "acme/web:v1", "--at", "2027-13-01T00:00"), "is no moment"),
        (("restore_tag", "acme/web:v1", "sha256:0"), "the time machine of acme/web does not hold"),
        (("restore_tag", "acme/web:v1", SECOND), "already"),
        (("delete_tag", "acme/web:none"), "acme/web has no tag none"),
        (("delete_tag", "acme/web:v1", "--digest", FIRST), "--digest needs --for-good"),
        (("delete_tag", "acme/web:v1", "--for-good"), "PERMANENTLY_DELETE_TAGS"),
        (("time_machine", "none"), "there is no user or organization 'none'"),
        (("time_machine", "acme", "3d"), "3d is not one of"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CommandError) as caught:
        manage(*arguments)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
