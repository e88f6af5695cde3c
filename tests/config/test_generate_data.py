"""``manage.py generate_data`` makes content that is real, and never by mistake."""

import pytest
from django.core.management import CommandError, call_command

from artifacts.oci.digest import Digest
from registry.manifests.models import Manifest, ManifestBlob
from registry.repositories.models import Repository
from registry.tags.models import Tag
from tests.registry.builders import make_repository
from tests.registry.conftest import _cheap_secrets, store_root
from tests.ui.browsing import browser

__all__ = ["_cheap_secrets", "store_root"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def _generated() -> None:
    call_command("generate_data", "--repositories=12", "--tags=35", verbosity=0)


@pytest.mark.usefixtures("_generated")
def test_it_makes_as_much_as_it_was_asked_for() -> None:
    assert Repository.objects.count() == 12
    assert Tag.objects.filter(repository__path="generated/many-tags").count() == 35
    assert Repository.objects.filter(tags=None).count() == 0
    assert Repository.objects.filter(name_parts=None).count() == 0


@pytest.mark.usefixtures("_generated")
def test_its_manifests_are_what_their_digests_say_and_hold_their_blobs() -> None:
    for manifest in Manifest.objects.all():
        assert manifest.digest == str(Digest.of(bytes(manifest.body)))
        assert manifest.size == len(manifest.body)
        links = [
            edge.link
            for edge in ManifestBlob.objects.filter(manifest=manifest).select_related("link")
        ]
        assert len({link.blob_id for link in links}) == 2
        assert {link.repository_id for link in links} == {manifest.repository_id}


@pytest.mark.usefixtures("_generated")
def test_its_pages_open() -> None:
    for path in ("/generated", "/generated/many-tags/-/tags", "/generated/many-tags/-/tags/v34"):
        assert browser().get(path).status_code == 200


def test_a_registry_that_has_content_is_left_alone() -> None:
    make_repository("acme/web")

    with pytest.raises(CommandError, match="say --yes"):
        call_command("generate_data", "--repositories=2", "--tags=2")
    assert Repository.objects.count() == 1

    call_command("generate_data", "--repositories=2", "--tags=2", "--yes", verbosity=0)
    assert Repository.objects.count() == 3


@pytest.mark.parametrize("amount", ["--repositories=0", "--tags=1000001"])
def test_amounts_have_bounds(amount: str) -> None:
    with pytest.raises(CommandError, match="takes 1 to"):
        call_command("generate_data", amount)
