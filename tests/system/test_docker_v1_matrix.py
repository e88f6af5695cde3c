"""Who may do what on every route of the V1 API: the same rights as below ``/v2/``."""

from collections.abc import Mapping

import pytest
from django.http import HttpResponseBase
from django.utils import timezone

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.names import Reference
from registry.api.docker_v1.ids import ImageId
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.api.docker_v1.schema1.made import schema1, written
from tests.system.asking import send
from tests.system.matrix import FOREIGN, METHODS, RIGHTS, methods_of, named_routes
from tests.system.world import BLOB_DIGEST, Caller, Headers, World

pytestmark = pytest.mark.django_db

IMAGES = "/v1/repositories/{name}/images"

# Routes of one repository, and of one image in it: all of them need the right to pull.
OF_REPOSITORY = {
    ("docker_v1:images", "GET"): IMAGES,
    ("docker_v1:images", "HEAD"): IMAGES,
    ("docker_v1:tags", "GET"): "/v1/repositories/{name}/tags",
    ("docker_v1:tags", "HEAD"): "/v1/repositories/{name}/tags",
    ("docker_v1:tag", "GET"): "/v1/repositories/{name}/tags/old",
    ("docker_v1:tag", "HEAD"): "/v1/repositories/{name}/tags/old",
}
OF_IMAGE = {
    ("docker_v1:json", "GET"): "/v1/images/{image}/json",
    ("docker_v1:json", "HEAD"): "/v1/images/{image}/json",
    ("docker_v1:ancestry", "GET"): "/v1/images/{image}/ancestry",
    ("docker_v1:ancestry", "HEAD"): "/v1/images/{image}/ancestry",
    ("docker_v1:layer", "GET"): "/v1/images/{image}/layer",
    ("docker_v1:layer", "HEAD"): "/v1/images/{image}/layer",
}
# Pushes, which nobody can make unless the configuration lists a namespace.
PUSHES = {
    ("docker_v1:repository", "PUT"): ("/v1/repositories/{name}/", 405),
    ("docker_v1:images", "PUT"): (IMAGES, 405),
    ("docker_v1:tag", "PUT"): ("/v1/repositories/{name}/tags/old", 405),
    ("docker_v1:tag", "DELETE"): ("/v1/repositories/{name}/tags/old", 405),
    # They need a token that only a push can get.
    ("docker_v1:json", "PUT"): ("/v1/images/{image}/json", 400),
    ("docker_v1:layer", "PUT"): ("/v1/images/{image}/layer", 400),
    ("docker_v1:checksum", "PUT"): ("/v1/images/{image}/checksum", 400),
}
# What routes about nothing in particular answer without a login, and with one.
OTHERS = {
    ("docker_v1:ping", "GET"): ("/v1/_ping", 200, 200),
    ("docker_v1:ping", "HEAD"): ("/v1/_ping", 200, 200),
    ("docker_v1:users", "GET"): ("/v1/users/", 404, 200),
    ("docker_v1:users", "HEAD"): ("/v1/users/", 404, 200),
    ("docker_v1:users", "POST"): ("/v1/users/", 400, 400),
    ("docker_v1:search", "GET"): ("/v1/search?q=a", 200, 200),
    ("docker_v1:search", "HEAD"): ("/v1/search?q=a", 200, 200),
    ("docker_v1:unknown", "*"): ("/v1/nothing/here", 404, 404),
}
KINDS = ["public", "private", "absent"]


@pytest.fixture(scope="module")
def images(world: World) -> Mapping[str, str]:
    """The id of an image in each repository; where there is none, one that leads nowhere."""
    return {
        kind: str(ImageId(_image_in(path).pk if kind != "absent" else 2**62, 0))
        for kind, path in world.repositories.items()
    }


def _image_in(path: str) -> Manifest:
    body = written(schema1(BLOB_DIGEST, name=path, tag="old"))
    repository = Repository.objects.get(path=path)
    draft = Draft(repository, Reference.parse("old"), body, ManifestDocument.parse(body, ""))
    return push_manifest(draft, now=timezone.now()).manifest


def test_every_route_and_method_has_its_row() -> None:
    served = {
        (name, method)
        for name, route in named_routes()
        if name.startswith("docker_v1:")
        for method in methods_of(route)
    }

    assert served == {*OF_REPOSITORY, *OF_IMAGE, *PUSHES, *OTHERS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", OF_REPOSITORY, ids=" ".join)
def test_a_repository_serves_who_may_pull_and_nobody_else(
    key: tuple[str, str], kind: str, world: World, images: Mapping[str, str]
) -> None:
    name = world.repositories[kind]
    for caller in world.callers.values():
        for headers in _ways(caller, name):
            answer = send(key[1], OF_REPOSITORY[key].format(name=name), headers)
            if "pull" in RIGHTS[caller.name][kind]:
                expected = 404 if kind == "absent" else 200
            else:
                expected = 403 if headers else 401
            assert answer.status_code == expected, (caller, headers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", OF_IMAGE, ids=" ".join)
def test_an_image_is_served_to_who_may_pull_and_unknown_to_others(
    key: tuple[str, str], kind: str, world: World, images: Mapping[str, str]
) -> None:
    path = OF_IMAGE[key].format(image=images[kind])
    for caller in world.callers.values():
        for headers in _ways(caller, world.repositories[kind]):
            answer = send(key[1], path, headers)
            may = "pull" in RIGHTS[caller.name][kind] and kind != "absent"
            assert answer.status_code == (200 if may else 404), (caller, headers)


@pytest.mark.parametrize("key", PUSHES, ids=" ".join)
def test_nobody_pushes_unless_the_configuration_says_so(
    key: tuple[str, str], world: World, images: Mapping[str, str]
) -> None:
    path, expected = PUSHES[key]
    for kind in KINDS:
        address = path.format(name=world.repositories[kind], image=images[kind])
        for caller in world.callers.values():
            assert send(key[1], address, caller.basic()).status_code == expected, caller


@pytest.mark.parametrize("key", OTHERS, ids=" ".join)
def test_a_route_about_no_repository(key: tuple[str, str], world: World) -> None:
    path, without_login, with_login = OTHERS[key]
    for method in METHODS if key[1] == "*" else [key[1]]:
        assert send(method, path, {}).status_code == without_login
        assert send(method, path, world.callers["owner"].basic()).status_code == with_login


@pytest.mark.parametrize("key", [key for key in OF_REPOSITORY if key[1] == "GET"], ids=" ".join)
def test_no_other_method_is_answered(key: tuple[str, str], world: World) -> None:
    path = OF_REPOSITORY[key].format(name=world.repositories["private"])
    for method in METHODS:
        if (key[0], method) not in OF_REPOSITORY:
            for name in ("anonymous", "owner"):
                answer = send(method, path, world.callers[name].basic())
                assert answer.status_code == 405, (method, name)


def _ways(caller: Caller, repository: str) -> list[Headers]:
    """Logged in, and with the token that such a login gets for the repository, or for another."""
    login = caller.basic()
    granted = send(
        "GET",
        IMAGES.format(name=caller.token_for or repository),
        {**login, "X-Docker-Token": "true"},
    )
    ways = [] if caller.name == FOREIGN else [login]
    return [*ways, *_token(granted)]


def _token(granted: HttpResponseBase) -> list[Headers]:
    if granted.status_code != 200:
        return []
    return [{"Authorization": f"Token {granted.headers['X-Docker-Token']}"}]
