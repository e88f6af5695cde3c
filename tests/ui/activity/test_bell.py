"""Each kind of what people should hear of, from what happens to the page of notices."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.credentials.services import issue_application_token
from accounts.users.models import User
from artifacts.oci.media_types import OCI_MANIFEST
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.presets import Preset
from registry.events.delivery import fan_out
from registry.events.tokens import note_expiring_tokens
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.look_ahead import note_expiring_tags
from registry.tags.services import set_expiry
from registry.verification.models import PublicKey
from tests.artifacts.signatures.signing import Signer
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import NOW, hold, image, make_user
from tests.registry.verification.signed import attach_by_tag, push_image, trust
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

KEPT, LOST = Signer(), Signer()


@pytest.fixture
def owner(repository: Repository) -> User:
    return User.objects.get(username="acme-owner")


@pytest.fixture
def bob(repository: Repository) -> User:
    return make_user("bob")


def heard(user: User) -> list[tuple[str, str]]:
    """What the page says of each notice, and where it leads."""
    fan_out(now=timezone.now(), limit=100)
    client = browser(user)
    text = client.get("/notifications").content.decode()
    lines = text[text.index("Newest first") : text.index("</ul>")]
    found = [(said, url) for url, said in re.findall(r'<a href="([^"]+)">([^<]+)</a>', lines)]
    count = f'aria-label="Notices: {len(found)} not read"'
    assert not found or count in client.get("/help").content.decode()
    return found


def test_a_push_that_a_policy_refuses_rings_for_who_pushed(
    repository: Repository, owner: User, bob: User
) -> None:
    policy, _ = ArtifactPolicy.objects.get_or_create(
        name=Preset.HELM, defaults={"preset": Preset.HELM}
    )
    browser(owner).post("/acme/-/policy/change", {"policy": policy.pk})
    hold(repository, b"{}")

    pusher = Client(headers=basic("acme-owner"))
    answer = pusher.generic("PUT", "/v2/acme/web/manifests/v1", image(b"{}"), OCI_MANIFEST)

    assert answer.status_code == 403
    assert heard(bob) == []
    ((said, url),) = heard(owner)
    assert "Helm only" in said
    assert url == "/acme/web"


def test_a_new_right_rings_for_who_has_it(repository: Repository, owner: User, bob: User) -> None:
    form = {"holder": "account", "name": "bob", "role": "write"}
    browser(owner).post("/acme/web/-/access", form)

    assert heard(owner) == []
    ((said, url),) = heard(bob)
    assert "acme/web" in said
    assert url == "/acme/web"


def test_a_token_that_ends_within_a_week_rings_once(bob: User) -> None:
    now = timezone.now()
    for title, days in (("soon", 6), ("later", 8)):
        end = now + timedelta(days=days)
        issue_application_token(user=bob, title=title, expires_at=end, now=now)
    for _ in range(2):
        note_expiring_tokens(now=now, limit=10)

    ((said, url),) = heard(bob)

    assert "soon" in said
    assert url == "/settings/tokens"


def test_a_tag_that_ends_within_a_week_rings_for_who_asked(
    repository: Repository, owner: User
) -> None:
    now = timezone.now()
    push_image(repository, "v1")
    set_expiry(repository=repository, name="v1", expires_at=now + timedelta(days=6), now=now)
    note_expiring_tags(now=now)
    assert heard(owner) == []
    browser(owner).post("/notifications", {"tag_expiring_shown": "on"})

    note_expiring_tags(now=now)

    assert [url for _, url in heard(owner)] == ["/acme/web/-/tags/v1"]


def by_a_stranger(repository: Repository, owner: User) -> None:
    digest = push_image(repository, "v1").digest
    trust(repository, KEPT)
    attach_by_tag(repository, digest, LOST.simple(digest))


def by_a_key_that_was_removed(repository: Repository, owner: User) -> None:
    digest = push_image(repository, "v1").digest
    trust(repository, KEPT)
    attach_by_tag(repository, digest, KEPT.simple(digest))
    key = PublicKey.objects.get()
    browser(owner).post(f"/acme/-/keys/{key.pk}/remove", {"name": key.name})
    assert not PublicKey.objects.exists()


@pytest.mark.parametrize("turned_bad", [by_a_stranger, by_a_key_that_was_removed])
def test_a_verdict_that_turned_bad_rings_where_nobody_has_a_hook(
    repository: Repository,
    owner: User,
    bob: User,
    turned_bad: Callable[[Repository, User], None],
) -> None:
    carol = make_user("carol")
    grant(repository=repository, role=Role.ADMIN, holder=carol, now=NOW)
    heard(carol)
    browser(carol).post("/notifications", {"read": "all"})

    turned_bad(repository, owner)

    fan_out(now=timezone.now(), limit=100)
    text = browser(carol).get("/notifications").content.decode()
    assert 'aria-label="Notices: 1 not read"' in text
    assert f"/acme/web/-/manifests/{push_image(repository, 'v1').digest}" in text
    assert heard(bob) == []
