"""Who may do what, as every kind of caller sees it: person, robot, application token, nobody."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, write_layout
from tests.clients.raw import Login
from tests.clients.registry import PUBLIC_REPOSITORY, ROBOT_REPOSITORY, Registry
from tests.clients.run import Home, client


@pytest.fixture
def skopeo(home: Home, registry: Registry) -> ContainersTool:
    """skopeo, not logged in."""
    return ContainersTool("skopeo", home, registry)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    return f"oci:{write_layout(tmp_path / 'image', Image())}:v1"


def test_a_robot_pushes_where_it_was_granted_to_and_nowhere_else(
    skopeo: ContainersTool, new_repository: Callable[[], str], layout: str
) -> None:
    skopeo.login(skopeo.registry.robot)
    granted = f"docker://{skopeo.registry}/{ROBOT_REPOSITORY}:v1"
    elsewhere = f"docker://{skopeo.registry}/{new_repository()}:v1"

    skopeo("copy", *skopeo.trust("dest-"), layout, granted)

    assert "v1" in skopeo.registry.tags(ROBOT_REPOSITORY)
    assert _is_refusal(skopeo.refused("copy", *skopeo.trust("dest-"), layout, elsewhere))


def test_an_application_token_pushes_as_the_person_it_belongs_to(
    skopeo: ContainersTool, repository: str, layout: str
) -> None:
    skopeo.login(skopeo.registry.application)

    name = f"docker://{skopeo.registry}/{repository}:v1"
    skopeo("copy", *skopeo.trust("dest-"), layout, name)

    assert skopeo.registry.tags(repository) == ["v1"]


def test_a_robot_and_an_application_token_log_in_with_their_own_secret_only(
    skopeo: ContainersTool,
) -> None:
    robot, application = skopeo.registry.robot, skopeo.registry.application

    for login in (Login(robot.name, "wrong"), Login(application.name, robot.password)):
        assert "invalid username/password" in skopeo.login_refused(login)


def test_nobody_pulls_a_public_image_and_pushes_nothing(
    skopeo: ContainersTool, layout: str, tmp_path: Path
) -> None:
    name = f"docker://{skopeo.registry}/{PUBLIC_REPOSITORY}:skopeo"
    skopeo.login(skopeo.registry.owner)
    skopeo("copy", *skopeo.trust("dest-"), layout, name)
    skopeo("logout", skopeo.registry.host)

    skopeo("copy", *skopeo.trust("src-"), name, f"dir:{tmp_path}/back")

    assert (tmp_path / "back" / "manifest.json").read_bytes() == skopeo.registry.manifest(
        PUBLIC_REPOSITORY, "skopeo"
    )
    assert _is_refusal(skopeo.refused("copy", *skopeo.trust("dest-"), layout, name))


def test_a_stranger_neither_pulls_nor_pushes_what_is_private(
    skopeo: ContainersTool, repository: str, layout: str, tmp_path: Path
) -> None:
    name = f"docker://{skopeo.registry}/{repository}:v1"
    skopeo.login(skopeo.registry.owner)
    skopeo("copy", *skopeo.trust("dest-"), layout, name)
    skopeo.login(skopeo.registry.stranger)

    pull = ["copy", *skopeo.trust("src-"), name, f"dir:{tmp_path}/back"]
    push = ["copy", *skopeo.trust("dest-"), layout, name]

    assert _is_refusal(skopeo.refused(*pull))
    assert _is_refusal(skopeo.refused(*push))


def test_an_image_nobody_pushed_is_unknown_to_those_who_may_read(
    skopeo: ContainersTool,
) -> None:
    skopeo.login(skopeo.registry.owner)

    name = f"docker://{skopeo.registry}/{PUBLIC_REPOSITORY}:never"
    answer = skopeo.refused("inspect", *skopeo.trust(), name)

    assert "manifest unknown" in answer


@pytest.mark.parametrize("registry", ["tls"], indirect=True)
def test_a_client_that_does_not_trust_the_authority_sends_no_password(
    home: Home, registry: Registry
) -> None:
    owner = registry.owner
    command = [client("skopeo"), "login", f"--username={owner.name}", "--password-stdin"]

    answer = home.refused(*command, registry.host, stdin=owner.password)

    assert "certificate signed by unknown authority" in answer


def _is_refusal(answer: str) -> bool:
    return "denied" in answer or "unauthorized" in answer
