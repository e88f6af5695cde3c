"""What belongs to somebody else looks as if it were not there."""

import json
from collections.abc import Mapping

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, reverse

from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.blobs.models import UploadSession
from tests.system.asking import ask, send
from tests.system.matrix import BLOB_PATH, ROWS, Row, named_routes
from tests.system.world import BLOB_DIGEST, World

pytestmark = pytest.mark.django_db

ROUTES = [pytest.param(*key, id=" ".join(key)) for key in ROWS]
SESSION_ROUTES = [
    (method, rows[0]) for (route, method), rows in ROWS.items() if route == "distribution:upload"
]
SESSIONS = pytest.mark.parametrize(
    ("method", "row"), SESSION_ROUTES, ids=[method for method, _ in SESSION_ROUTES]
)
BEGUN = b"the first bytes of a blob"
ADMIN_PAGES = {name: route for name, route in named_routes() if name.startswith("admin:")}


@SESSIONS
@pytest.mark.parametrize("name", ["owner", "manager", "robot"])
def test_an_upload_of_somebody_else_is_unknown(
    method: str, row: Row, name: str, world: World
) -> None:
    session = world.open_session(world.callers["writer"], "acme/private", BEGUN)
    before = _row_of(session)

    for way in ("basic", "bearer"):
        headers = world.callers[name].headers(way, "acme/private")
        path = row.path.format(name="acme/private", session=session)
        answer = send(method, path, headers, row)
        assert (answer.status_code, _code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")

    assert _row_of(session) == before


@SESSIONS
def test_an_upload_of_another_repository_is_unknown(method: str, row: Row, world: World) -> None:
    writer = world.callers["writer"]
    session = world.open_session(writer, "acme/private", BEGUN)
    before = _row_of(session)

    path = row.path.format(name="acme/public", session=session)
    answer = send(method, path, writer.headers("bearer", "acme/public"), row)

    assert (answer.status_code, _code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert _row_of(session) == before


@SESSIONS
@pytest.mark.parametrize("name", ["anonymous", "outsider", "reader"])
def test_an_upload_is_closed_to_who_may_not_push(
    method: str, row: Row, name: str, world: World
) -> None:
    session = world.open_session(world.callers["writer"], "acme/private", BEGUN)
    before = _row_of(session)

    path = row.path.format(name="acme/private", session=session)
    answer = send(method, path, world.callers[name].headers("bearer", "acme/private"), row)

    assert answer.status_code == 401
    assert _row_of(session) == before


@pytest.mark.parametrize("way", ["basic", "bearer"])
@pytest.mark.parametrize("name", ["anonymous", "outsider"])
@pytest.mark.parametrize(("route", "method"), ROUTES)
def test_a_private_repository_looks_like_none(
    route: str, method: str, name: str, way: str, world: World
) -> None:
    for row in ROWS[route, method]:
        private, absent = (
            _seen(ask(world, row, method, world.callers[name], way, kind), world.repositories[kind])
            for kind in ("private", "absent")
        )
        assert private == absent


@pytest.mark.parametrize("source", ["&from=acme/private", "&from=acme/missing", ""])
def test_a_mount_of_what_one_may_not_read_looks_like_a_mount_of_nothing(
    source: str, world: World
) -> None:
    """The blob is in a private repository; the digest beside it is nowhere."""
    unreadable = _mount(world, "outsider", _only_in_private(world), source)
    nowhere = _mount(world, "outsider", str(Digest.of(b"never pushed")), source)

    assert unreadable == nowhere
    assert unreadable[0] == 202


def test_a_mount_of_what_one_may_read_is_done(world: World) -> None:
    for source in ("&from=acme/public", ""):
        assert _mount(world, "outsider", BLOB_DIGEST, source)[0] == 201


def test_a_blob_of_another_repository_is_not_there(world: World) -> None:
    """It is in acme/private and the caller may read that; but this is acme/public."""
    path = BLOB_PATH.format(name="acme/public").replace(BLOB_DIGEST, _only_in_private(world))

    for method in ("GET", "HEAD", "DELETE"):
        answer = send(method, path, world.callers["owner"].basic())
        assert answer.status_code == 404


# Where a login, a new password or a farewell is asked for.
LOGINS = ("/admin/", "/account/")


@pytest.mark.parametrize("login", ["nobody", "a user", "a password", "a token"])
def test_no_admin_page_opens_without_the_login_of_an_administrator(
    login: str, world: World
) -> None:
    client, headers = Client(raise_request_exception=False), {}
    match login:
        case "a user":
            client.force_login(User.objects.get(username="owner"))
        case "a password":
            headers = dict(world.callers["owner"].basic())
        case "a token":
            headers = dict(world.callers["owner"].bearer("registry:catalog:*"))
    for name, route in ADMIN_PAGES.items():
        for method in ("get", "post"):
            answer = getattr(client, method)(_path(name, route), headers=headers)
            leads_to_a_login = answer.headers.get("Location", "").startswith(LOGINS)
            assert leads_to_a_login or answer.status_code in {403, 404, 405}, name


def _row_of(session: str) -> Mapping[str, object]:
    return dict(UploadSession.objects.filter(pk=session).values().get())


def _code(answer: HttpResponseBase) -> str:
    return str(json.loads(answer.getvalue())["errors"][0]["code"])


def _seen(answer: HttpResponseBase, repository: str) -> tuple[int, str, str]:
    """An answer with the name that was asked for taken out."""
    headers = json.dumps(sorted(answer.headers.items()))
    body = answer.getvalue().decode()
    return answer.status_code, headers.replace(repository, "-"), body.replace(repository, "-")


def _mount(world: World, name: str, digest: str, source: str) -> tuple[int, list[str], bytes]:
    """Status, names of headers and body of a mount into a repository of the caller's own."""
    path = f"/v2/outsider/own/blobs/uploads/?mount={digest}{source}"
    answer = send("POST", path, world.callers[name].basic())
    return answer.status_code, sorted(answer.headers), answer.getvalue()


def _only_in_private(world: World) -> str:
    content = b"only in acme/private"
    digest = str(Digest.of(content))
    row = Row(f"/v2/acme/private/blobs/uploads/?digest={digest}", "push", 201, body=content)
    assert send("POST", row.path, world.callers["owner"].basic(), row).status_code == 201
    return digest


def _path(name: str, route: URLPattern) -> str:
    """The address of a page, with 1 for each of its parameters but the name of an app."""
    if route.name is None:
        return "/admin/none"
    parameters = route.pattern.regex.groupindex
    return reverse(name, args=["users" if key == "app_label" else "1" for key in parameters])
