"""Docker's V1 API: a pull by a client of it, and what its ids and tokens open."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django import Settings

from accounts.credentials.principals import Principal
from accounts.credentials.services import issue_application_token
from accounts.users.models import User
from accounts.users.services import disable_user
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.media_types import OCI_MANIFEST
from registry.access.tokens import TokenInvalid
from registry.api.docker_v1.ids import ImageId, read_id
from registry.api.docker_v1.schema1.images import EMPTY_LAYER
from registry.api.docker_v1.tokens import LIFETIME, issue_token, read_token
from registry.manifests.models import Manifest
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, Role, SignatureRequirement
from registry.repositories.services import grant, set_visibility
from tests.registry.api.docker_v1.client import Headers, Refused, V1Client
from tests.registry.api.docker_v1.schema1.made import schema1, signed, v1_image, written
from tests.registry.builders import (
    NOW,
    PASSWORD,
    bearer,
    descriptor,
    hold,
    image,
    index,
    make_repository,
    make_user,
    owner_of,
    principal_of,
    push,
)

LAYER = b"the layer of an image"
CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["a"]},
        "history": [{"created_by": "COPY a"}, {"created_by": "ENV A=B", "empty_layer": True}],
    }
).encode()
IMAGE = image(CONFIG, LAYER)
NO_HEADERS: Headers = {}
IMAGES = "/v1/repositories/acme/web/images"


@pytest.fixture(autouse=True)
def pushed(repository: Repository) -> Manifest:
    hold(repository, LAYER, CONFIG)
    return push(repository, IMAGE, "v1")


def send(method: str, path: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
    client = Client(raise_request_exception=False)
    answer = client.generic(method, path, body, headers=dict(headers))
    return answer.status_code, answer.headers, answer.getvalue()


def basic(username: str, password: str = PASSWORD) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def puller(username: str = "acme-owner") -> V1Client:
    return V1Client(send, basic(username))


def with_token(username: str = "acme-owner", repository: str = "acme/web") -> V1Client:
    client = puller(username)
    client.ask_token(repository)
    return client


def refusal(client: V1Client, path: str) -> int:
    with pytest.raises(Refused) as caught:
        client.json(path)
    assert set(json.loads(caught.value.body)) == {"error"}
    return caught.value.status


def test_a_client_pulls_an_image_layer_by_layer() -> None:
    leaf, base = puller().pull("acme/web", "v1")

    assert (leaf.layer, base.layer) == (EMPTY_LAYER, LAYER)
    assert leaf.said["config"] == {"Cmd": ["a"]}
    assert leaf.said["parent"] == base.id
    assert "parent" not in base.said
    assert base.said["container_config"] == {"Cmd": ["COPY a"]}


def test_an_image_that_came_as_schema_1_keeps_its_own_words(repository: Repository) -> None:
    layers = [str(Digest.of(LAYER))] * 2
    history = [v1_image("new", "old", config={"Cmd": ["b"]}), v1_image("old", os="linux")]
    push(repository, signed(written(schema1(*layers, history=history))), "v1")

    leaf, base = puller().pull("acme/web", "v1")

    assert leaf.said == {"id": leaf.id, "parent": base.id, "config": {"Cmd": ["b"]}}
    assert base.said == {"id": base.id, "os": "linux"}
    assert leaf.layer == base.layer == LAYER


def test_of_an_index_it_is_the_image_for_amd64_and_linux(repository: Repository) -> None:
    platform = {"os": "linux", "architecture": "amd64"}
    entry = {**descriptor(IMAGE, OCI_MANIFEST), "platform": platform}
    push(repository, index(manifests=[entry]), "v2")

    assert [image.layer for image in puller().pull("acme/web", "v2")] == [EMPTY_LAYER, LAYER]


def test_artifacts_have_no_tags_here(repository: Repository) -> None:
    hold(repository, b"{}")
    config = descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json")
    chart = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    push(repository, json.dumps(chart).encode(), "chart")
    client = with_token()

    assert list(client.json("/v1/repositories/acme/web/tags")) == ["v1"]
    assert refusal(client, "/v1/repositories/acme/web/tags/chart") == 404


def test_an_image_without_an_old_form_says_so(repository: Repository) -> None:
    zstd = descriptor(LAYER, "application/vnd.oci.image.layer.v1.tar+zstd")
    push(repository, image(CONFIG, layers=[zstd]), "v1")
    client = with_token()
    id_ = client.json("/v1/repositories/acme/web/tags/v1")

    status, _, body = send(
        "GET", f"/v1/images/{id_}/json", {"Authorization": f"Token {client.token}"}, b""
    )

    assert status == 404
    assert "old clients cannot unpack" in json.loads(body)["error"]


def test_without_conversion_only_schema_1_can_be_pulled(
    repository: Repository, settings: Settings
) -> None:
    settings.FEATURE_SCHEMA1_CONVERSION = False
    push(repository, written(schema1(str(Digest.of(LAYER)), tag="old")), "old")

    assert len(puller().pull("acme/web", "old")) == 1
    with pytest.raises(Refused, match="FEATURE_SCHEMA1_CONVERSION"):
        puller().pull("acme/web", "v1")


def test_the_size_is_told_and_a_layer_never_changes() -> None:
    client = with_token()
    id_ = client.json("/v1/repositories/acme/web/tags/v1")
    (_, base) = client.json(f"/v1/images/{id_}/ancestry")
    granted = {"Authorization": f"Token {client.token}"}

    _, said, _ = send("GET", f"/v1/images/{base}/json", granted, b"")
    _, sent, _ = send("GET", f"/v1/images/{base}/layer", granted, b"")
    again = {**granted, "If-Modified-Since": sent["Last-Modified"]}

    assert said["X-Docker-Size"] == str(len(LAYER))
    assert "max-age=31536000" in sent["Cache-Control"]
    for method in ("GET", "HEAD"):
        status, _, body = send(method, f"/v1/images/{base}/layer", again, b"")
        assert (status, body) == (304, b"")


def test_basic_credentials_do_as_well_as_a_token() -> None:
    login = {"Authorization": basic("acme-owner")}
    status, headers, _ = send("GET", IMAGES, login, b"")
    assert (status, "X-Docker-Token" in headers) == (200, False)

    _, _, body = send("GET", "/v1/repositories/acme/web/tags/v1", login, b"")
    status, _, _ = send("GET", f"/v1/images/{json.loads(body)}/ancestry", login, b"")

    assert status == 200


def test_a_public_image_is_pulled_without_a_login(repository: Repository) -> None:
    set_visibility(repository=repository, is_public=True, now=NOW)

    assert len(V1Client(send).pull("acme/web", "v1")) == 2


def test_one_segment_is_a_repository_of_the_library() -> None:
    hold(repository := make_repository("library/web", is_public=True), LAYER, CONFIG)
    push(repository, IMAGE, "v1")

    for name in ("web", "library/web"):
        assert len(V1Client(send).pull(name, "v1")) == 2


@pytest.mark.parametrize("path", ["acme/web", "acme/absent", "nobody/web"])
def test_who_may_not_read_cannot_tell_what_is_there(path: str) -> None:
    make_user("stranger")
    address = f"/v1/repositories/{path}/images"

    status, headers, body = send("GET", address, {}, b"")
    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="Docker V1"')
    assert json.loads(body)["error"].startswith("log in to pull from")
    status, _, body = send("GET", address, {"Authorization": basic("stranger")}, b"")
    assert status == 403
    assert json.loads(body)["error"].startswith(f"stranger may not pull from {path}, or there is")


def test_who_may_create_a_repository_is_told_that_it_is_not_there() -> None:
    address = "/v1/repositories/acme/absent/images"

    status, _, body = send("GET", address, {"Authorization": basic("acme-owner")}, b"")

    assert (status, json.loads(body)["error"]) == (404, "there is no repository acme/absent")


@pytest.mark.parametrize("route", ["json", "ancestry", "layer"])
def test_an_id_opens_nothing_without_the_right_to_pull(pushed: Manifest, route: str) -> None:
    make_user("stranger")
    path = f"/v1/images/{ImageId(pushed.pk, 0)}/{route}"
    made_up = f"/v1/images/{'0' * 64}/{route}"

    for headers in ({}, {"Authorization": basic("stranger")}):
        answers = [send("GET", address, headers, b"") for address in (path, made_up)]
        assert [status for status, _, _ in answers] == [404, 404]
        for address, (_, _, body) in zip((path, made_up), answers, strict=True):
            id_ = address.split("/")[3]
            words = f"there is no image '{id_}' that you may pull"
            assert json.loads(body) == {"error": words}


def test_a_token_opens_its_own_repository_and_no_other(pushed: Manifest) -> None:
    other = make_repository("acme/other")
    client = with_token(repository="acme/other")

    assert refusal(client, "/v1/repositories/acme/web/tags") == 403
    assert refusal(client, f"/v1/images/{ImageId(pushed.pk, 0)}/json") == 404
    delete_repository(repository=other, now=NOW)
    make_repository("acme/other")
    assert refusal(client, "/v1/repositories/acme/other/tags") == 403


def test_a_token_is_worth_what_its_holder_may_do_now(repository: Repository) -> None:
    reader = make_user("reader")
    given = grant(repository=repository, role=Role.READ, holder=reader, now=NOW)
    client = with_token("reader")
    client.json("/v1/repositories/acme/web/tags")

    given.delete()

    assert refusal(client, "/v1/repositories/acme/web/tags") == 403
    grant(repository=repository, role=Role.READ, holder=reader, now=NOW)
    client.json("/v1/repositories/acme/web/tags")
    disable_user(user=reader, now=NOW)
    assert refusal(client, "/v1/repositories/acme/web/tags") == 401


def test_a_token_that_a_password_bought_ends_with_a_second_factor(repository: Repository) -> None:
    reader = make_user("reader")
    grant(repository=repository, role=Role.READ, holder=reader, now=NOW)
    client = with_token("reader")
    client.json("/v1/repositories/acme/web/tags")

    Authenticator.objects.create(user=reader, type=Authenticator.Type.TOTP, data={"secret": "x"})

    assert refusal(client, "/v1/repositories/acme/web/tags") == 401


def test_a_forged_or_ended_token_is_refused(repository: Repository) -> None:
    value = issue_token(
        principal=owner_of("acme"), repository=repository, actions=frozenset({"pull"}), now=NOW
    )
    assert read_token(value, now=NOW).repository_id == repository.id

    for wrong in ("", "sigv2=", "sigv2=x:y", value[:-1], value.replace("=", "=a", 1), "x" * 10000):
        with pytest.raises(TokenInvalid):
            read_token(wrong, now=NOW)
    with pytest.raises(TokenInvalid, match="expired"):
        read_token(value, now=NOW + LIFETIME)
    read_token(value, now=NOW + LIFETIME - timedelta(seconds=1))


def test_a_token_ends_with_the_login_it_stands_for(repository: Repository) -> None:
    ends = NOW + timedelta(minutes=5)
    principal = principal_of(User.objects.get(username="acme-owner"), expires_at=ends)
    value = issue_token(
        principal=principal, repository=repository, actions=frozenset({"pull"}), now=NOW
    )

    with pytest.raises(TokenInvalid, match="expired"):
        read_token(value, now=ends)


def test_an_application_token_logs_in(repository: Repository) -> None:
    owner = User.objects.get(username="acme-owner")
    secret = issue_application_token(
        user=owner, title="old machines", scope="read", expires_at=None, now=datetime.now(UTC)
    )

    assert len(V1Client(send, basic("$app", secret)).pull("acme/web", "v1")) == 2


def test_where_signatures_are_required_an_unsigned_image_cannot_be_pulled(
    repository: Repository, pushed: Manifest
) -> None:
    repository.signature_requirement = SignatureRequirement.REQUIRED
    repository.save()
    client = with_token()

    for route in ("json", "ancestry", "layer"):
        assert refusal(client, f"/v1/images/{ImageId(pushed.pk, 0)}/{route}") == 403


def test_a_pull_is_noted(pushed: Manifest) -> None:
    puller().pull("acme/web", "v1")

    pushed.refresh_from_db()
    assert pushed.last_pulled_at is not None


def test_ids_are_read_back_and_no_other_text_is() -> None:
    for id_ in (ImageId(1, 0), ImageId(2**63 - 1, 999)):
        text = str(id_)
        assert len(text) == 64
        assert read_id(text) == id_
        for place in range(64):
            other = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
            with pytest.raises(ManifestUnknown):
                read_id(other)
    for text in ("", "x" * 64, "0" * 64, "A" * 64, str(ImageId(1, 0)) + "\n"):
        with pytest.raises(ManifestUnknown):
            read_id(text)


def test_a_token_of_the_other_protocol_counts_for_an_image_too(pushed: Manifest) -> None:
    headers = bearer(owner_of("acme"), f"repository:{pushed.repository.path}:pull")
    other = bearer(owner_of("acme"), "repository:acme/other:pull")
    path = f"/v1/images/{ImageId(pushed.pk, 0)}/ancestry"

    assert send("GET", path, headers, b"")[0] == 200
    assert send("GET", path, other, b"")[0] == 404


def test_a_layer_that_the_image_does_not_have_is_unknown(pushed: Manifest) -> None:
    assert refusal(with_token(), f"/v1/images/{ImageId(pushed.pk, 2)}/json") == 404


def test_who_signs_up_with_the_right_password_is_refused_in_the_expected_words() -> None:
    assert V1Client(send).login("acme-owner", PASSWORD) == '"Username or email already exists"'
    assert "wrong user name or password" in V1Client(send).login("acme-owner", "wrong")
    assert "wrong user name or password" in V1Client(send).login("nobody", PASSWORD)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"username": 1, "password": 2}', b"\xff"])
def test_an_unreadable_login_is_refused(body: bytes) -> None:
    status, _, answer = send("POST", "/v1/users/", {}, body)

    assert (status, json.loads(answer)) == (400, {"error": "send username and password as JSON"})


@pytest.mark.parametrize("escape", ["\\ud83d", "\\u0000", "\\udcff"])
def test_a_login_with_text_that_is_none_is_a_wrong_one(escape: str) -> None:
    for username, password in ((f"acme-owner{escape}", PASSWORD), ("acme-owner", escape)):
        body = f'{{"username": "{username}", "password": "{password}"}}'.encode()

        status, _, answer = send("POST", "/v1/users/", {}, body)

        assert (status, json.loads(answer)) == (400, {"error": "wrong user name or password"})


def test_a_user_is_told_who_they_are() -> None:
    status, _, body = send("GET", "/v1/users/", {"Authorization": basic("acme-owner")}, b"")
    assert (status, json.loads(body)) == (200, {"username": "acme-owner", "email": None})

    assert send("GET", "/v1/users/", {}, b"")[0] == 404
    assert send("GET", "/v1/users/", {"Authorization": basic("acme-owner", "no")}, b"")[0] == 401


def search(query: str, headers: Headers = NO_HEADERS) -> Mapping[str, object]:
    status, _, body = send("GET", f"/v1/search?{query}", headers, b"")
    assert status == 200
    found: Mapping[str, object] = json.loads(body)
    return found


def names(query: str, headers: Headers = NO_HEADERS) -> list[str]:
    results = search(query, headers)["results"]
    assert isinstance(results, list)
    return [result["name"] for result in results]


def test_a_search_finds_what_the_caller_may_pull() -> None:
    make_repository("acme/public-web", is_public=True)
    make_repository("other/web")
    login = {"Authorization": basic("acme-owner")}

    assert names("q=web") == ["acme/public-web"]
    assert names("q=web", login) == ["acme/public-web", "acme/web"]
    assert names("q=WEB&n=1&page=2", login) == ["acme/web"]
    assert names("q=%25", login) == []


def test_podman_is_sent_to_the_catalog_when_nothing_public_is_found() -> None:
    make_repository("acme/public-web", is_public=True)
    podman = {"User-Agent": "containers/5.23.1 (github.com/containers/image)"}

    assert names("q=web", podman) == ["acme/public-web"]
    assert send("GET", "/v1/search?q=nothing", podman, b"")[0] == 404
    assert names("q=nothing", {**podman, "Authorization": basic("acme-owner")}) == []


def test_a_token_for_one_repository_finds_what_anybody_finds() -> None:
    make_repository("acme/public-web", is_public=True)
    client = with_token()

    assert names("q=web", {"Authorization": f"Token {client.token}"}) == ["acme/public-web"]


def test_a_search_answers_in_pages() -> None:
    for number in range(3):
        make_repository(f"acme/public-{number}", is_public=True)

    assert search("q=public&n=2&page=2") == {
        "query": "public",
        "num_results": 3,
        "num_pages": 2,
        "page": 2,
        "page_size": 2,
        "results": [
            {
                "name": "acme/public-2",
                "description": "",
                "is_public": True,
                "href": "/repository/acme/public-2",
            }
        ],
    }
    for query, size in (("n=0", 1), ("n=1000", 100), ("n=x", 25), ("n=", 25), ("page=-1", 25)):
        assert search(query)["page_size"] == size


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/repositories/acme/web", 405),
        ("GET", "/v1/repositories/acme/web/auth", 404),
        ("GET", "/v1/repositories/ACME/web/images", 400),
        ("GET", "/v1/repositories/acme/web/images%0A", 404),
        ("POST", "/v1/_ping", 405),
        ("PATCH", IMAGES, 405),
        ("GET", "/v1/images/nothing/json", 404),
    ],
)
def test_everything_else_is_refused_in_the_form_of_the_protocol(
    method: str, path: str, status: int
) -> None:
    answered, headers, body = send(method, path, {"Authorization": basic("acme-owner")}, b"")

    assert answered == status
    assert set(json.loads(body)) == {"error"}
    assert headers["X-Docker-Registry-Version"] == "0.6.0"
    assert "Docker-Distribution-API-Version" not in headers


def test_the_endpoint_is_the_host_of_the_setting(settings: Settings) -> None:
    settings.SERVER_HOSTNAME = "registry.example.com"
    headers = {"Authorization": basic("acme-owner"), "X-Docker-Token": "true"}

    assert send("GET", IMAGES, headers, b"")[1]["X-Docker-Endpoints"] == "registry.example.com"


def test_a_bearer_token_of_the_other_protocol_is_good_for_what_it_says() -> None:
    scope = "repository:acme/web:pull"
    _, _, body = send("GET", f"/v2/auth?scope={scope}", {"Authorization": basic("acme-owner")}, b"")
    bearer = {"Authorization": f"Bearer {json.loads(body)['token']}"}

    assert send("GET", IMAGES, bearer, b"")[0] == 200
    make_repository("acme/other")
    assert send("GET", "/v1/repositories/acme/other/images", bearer, b"")[0] == 403


def test_a_principal_without_a_login_gets_a_token_for_what_is_public(
    repository: Repository,
) -> None:
    set_visibility(repository=repository, is_public=True, now=NOW)
    client = V1Client(send)
    client.ask_token("acme/web")

    held = read_token(client.token, now=datetime.now(UTC))

    assert held.principal == Principal("anonymous")
    set_visibility(repository=repository, is_public=False, now=NOW)
    assert refusal(client, "/v1/repositories/acme/web/tags") in {401, 403}
