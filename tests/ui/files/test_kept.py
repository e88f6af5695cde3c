"""Layers that take too long to be listed while somebody waits: a job lists them."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from artifacts.images.files import Bounds, list_files
from artifacts.oci.digest import Digest
from registry.inspection.models import Listing
from registry.inspection.tasks import list_layers
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import make_repository
from tests.ui.contents.pushed import page, push_image, url_of
from tests.ui.files.packing import file, files, layer
from ui.files import listings
from ui.files.listings import forget_listings

pytestmark = pytest.mark.django_db

LONG = files("a", "b", "c/d")
COMING = "it has more than 1 entries; all of it is being listed, so look again in a minute."
Address = Callable[[Manifest], str]


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "list_files", partial(list_files, bounds=Bounds(files=1)))


def of_image(image: Manifest) -> str:
    return f"{url_of(image)}/files"


def of_layer(image: Manifest) -> str:
    return f"{url_of(image)}/layers/{image.document.layers[0].digest}"


def names(url: str) -> list[str]:
    return [row.name for row in Client().get(url).context["folder"].rows]


ADDRESSES = pytest.mark.parametrize("address", [of_image, of_layer])


@ADDRESSES
def test_a_long_layer_is_shown_as_far_as_it_goes_and_is_being_listed(
    web: Repository, address: Address
) -> None:
    image = push_image(web, LONG)

    assert COMING in page(address(image))
    assert COMING in page(address(image))  # which remembers the first, and asks for no more
    assert names(address(image)) == ["a"]
    assert Listing.objects.count() == 1


@ADDRESSES
def test_all_of_a_long_layer_is_shown_once_a_job_listed_it(
    web: Repository, address: Address
) -> None:
    image = push_image(web, LONG)
    page(address(image))

    list_layers()

    assert names(address(image)) == ["c", "a", "b"]
    assert "because" not in page(address(image))


def test_a_kept_list_is_shown_where_no_process_remembers_it(web: Repository) -> None:
    image = push_image(web, LONG)
    page(of_layer(image))
    list_layers()
    forget_listings()

    assert names(of_layer(image)) == ["c", "a", "b"]


def test_a_kept_list_that_is_lost_is_made_again(web: Repository) -> None:
    image = push_image(web, LONG)
    page(of_layer(image))
    list_layers()
    Listing.objects.all().delete()
    forget_listings()

    assert COMING in page(of_layer(image))
    list_layers()

    assert names(of_layer(image)) == ["c", "a", "b"]


def test_what_a_job_gave_up_is_shown_as_far_as_it_goes_with_its_reason(web: Repository) -> None:
    image = push_image(web, LONG)
    page(of_layer(image))
    reason = "it could not be read in 5 attempts"
    Listing.objects.update(listed_at=image.pushed_at, problem=reason)

    text = page(of_layer(image))

    assert f"it has more than 1 entries; listing all of it was given up, because {reason}." in text


def test_no_job_is_asked_for_a_layer_that_is_listed_at_once(web: Repository) -> None:
    page(of_layer(push_image(web, files("a"))))

    assert not Listing.objects.exists()


def test_no_job_is_asked_for_what_no_job_could_read_on(web: Repository) -> None:
    page(of_layer(push_image(web, layer(file("a", b"x" * 5000))[:1600])))

    assert not Listing.objects.exists()


def test_a_kept_list_is_shown_only_where_the_repository_holds_its_layer(web: Repository) -> None:
    theirs = push_image(make_repository("acme/public", is_public=True), LONG)
    page(of_layer(theirs))
    list_layers()
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": str(Digest.of(LONG)),
        "size": len(LONG),
        "urls": ["https://example.com/layer"],
    }
    mine = push_image(web, layers=[foreign])

    assert Client().get(of_layer(mine)).status_code == 404
    assert names(of_image(mine)) == []


def test_nothing_is_said_to_come_while_the_registry_is_read_only(
    web: Repository, settings: Settings
) -> None:
    settings.REGISTRY_STATE = "readonly"

    text = page(of_layer(push_image(web, LONG)))

    assert "The list is not whole, because it has more than 1 entries." in text


def test_all_files_of_long_layers_are_compared(web: Repository) -> None:
    push_image(web, LONG, reference="v1")
    push_image(web, files("a", "b", "c/e"), reference="v2")
    url = f"/{web.path}/-/compare/files?a=v1&b=v2"
    page(url)
    list_layers()

    assert names(f"{url}&in=c") == ["d", "e"]


def test_an_image_of_many_layers_takes_no_more_queries(web: Repository) -> None:
    counts = []
    for number in (3, 30):
        layers = [files(f"{number}-{n}") for n in range(number)]
        image = push_image(web, *layers, reference=f"v{number}", config={"n": number})
        with CaptureQueriesContext(connection) as captured:
            page(of_image(image))
        counts.append(len(captured))

    assert counts[0] == counts[1]
