"""The page of the workloads that a robot trusts."""

import pytest
from django.test import Client

from accounts.credentials.models import RobotFederation
from accounts.credentials.workloads import federation
from accounts.users.models import User
from tests.registry.builders import make_organization, make_robot, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

PAGE = "/acme/-/robots/ci/workloads"
WORKLOAD = {"what": "add", "issuer": "https://ci.example.com", "subject": "repo:acme/*"}


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(federation, "check_issuer", lambda _: None)
    make_robot(make_organization("acme"))
    return browser(User.objects.get(username="acme-owner"))


def test_a_workload_is_trusted_and_trusted_no_more(owner: Client) -> None:
    owner.post(PAGE, WORKLOAD)
    row = RobotFederation.objects.get()
    shown = owner.get(PAGE).content.decode()
    owner.post(PAGE, {"what": "remove", "workload": "https://ci.example.com repo:acme/* "})

    assert (row.issuer, row.subject) == ("https://ci.example.com", "repo:acme/*")
    assert "repo:acme/*" in shown
    assert not RobotFederation.objects.exists()


def test_a_subject_that_is_everybody_is_refused(owner: Client) -> None:
    answer = owner.post(PAGE, {**WORKLOAD, "subject": "*"})

    assert answer.status_code == 422
    assert "must begin with something else" in answer.content.decode()


def test_the_page_has_what_pipelines_need(owner: Client) -> None:
    text = owner.get(PAGE).content.decode()

    assert "https://token.actions.githubusercontent.com" in text
    assert "system:serviceaccount:NAMESPACE:NAME" in text


def test_a_token_that_is_none_is_said_to_be_so(owner: Client) -> None:
    answer = owner.post(PAGE, {"what": "try", "token": "nothing"})

    assert "The token is refused: it cannot be read." in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


def test_nobody_else_sees_what_a_robot_trusts(owner: Client) -> None:
    assert browser(make_user("bob")).get(PAGE).status_code == 404
