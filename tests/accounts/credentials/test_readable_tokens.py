"""Tokens of robots that can be read again: where that is wanted, and nowhere else."""

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.credentials.models import AccessToken
from accounts.credentials.robots.readable import readable_secret
from accounts.credentials.services import issue_robot_token
from accounts.credentials.tasks import delete_expired
from accounts.users.models import Robot
from tests.registry.builders import NOW, make_organization, make_robot

pytestmark = pytest.mark.django_db


@pytest.fixture
def robot(settings: Settings) -> Robot:
    settings.ROBOT_TOKENS_READABLE = ["acme"]
    return make_robot(make_organization("acme"))


def kept(robot: Robot) -> str | None:
    return readable_secret(robot.tokens.first(), robot=robot)


def test_a_token_is_read_again_where_that_is_wanted(robot: Robot) -> None:
    secret = issue_robot_token(robot=robot, now=NOW)

    assert kept(robot) == secret


def test_what_is_kept_is_encrypted(robot: Robot) -> None:
    secret = issue_robot_token(robot=robot, now=NOW)

    assert secret not in AccessToken.objects.get().sealed


def test_elsewhere_nothing_is_kept(robot: Robot) -> None:
    other = make_robot(make_organization("other"))

    issue_robot_token(robot=other, now=NOW)

    assert AccessToken.objects.get().sealed == ""


def test_a_namespace_that_is_taken_out_is_read_no_more(robot: Robot, settings: Settings) -> None:
    issue_robot_token(robot=robot, now=NOW)

    settings.ROBOT_TOKENS_READABLE = []

    assert kept(robot) is None


def test_what_was_kept_of_it_is_erased(robot: Robot, settings: Settings) -> None:
    issue_robot_token(robot=robot, now=NOW)
    settings.ROBOT_TOKENS_READABLE = []

    delete_expired()

    assert AccessToken.objects.get().sealed == ""


def test_what_may_be_read_is_not_erased(robot: Robot) -> None:
    secret = issue_robot_token(robot=robot, now=NOW)

    delete_expired()

    assert kept(robot) == secret


def test_another_secret_key_reads_nothing(robot: Robot, settings: Settings) -> None:
    issue_robot_token(robot=robot, now=NOW)

    settings.SECRET_KEY = "another fifty characters that nobody should ever guess"

    assert kept(robot) is None


def test_it_is_read_under_a_new_secret_key_once_it_is_sealed_again(
    robot: Robot, settings: Settings
) -> None:
    secret = issue_robot_token(robot=robot, now=NOW)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another fifty characters that nobody should ever guess"

    call_command("reseal")

    settings.SECRET_KEY_FALLBACKS = []
    assert kept(robot) == secret
