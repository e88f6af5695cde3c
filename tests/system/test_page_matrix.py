"""Every page, asked by everybody: generated from the URL configuration, held to a table."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.users.models import User
from accounts.users.services import create_user
from registry.access.tokens import forget_tokens
from tests.browser.places import address_of, page_routes
from tests.browser.showcase import Showcase
from tests.live import ADMIN_PASSWORD
from tests.system.page_matrix import SUPERUSER, VISITORS, Answer, Visitor, expected, table
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

ROUTES = {route.name: route for route in page_routes()}
OURS = {name: route for name, route in ROUTES.items() if name.startswith("ui:")}
TABLE = table()
PLACES = ("repository", "namespace")


@pytest.fixture(scope="module")
def known(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Any]]:
    """The showcase in the database, which forgets it after these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        now = timezone.now()
        create_user(username="admin", password=ADMIN_PASSWORD, is_superuser=True, now=now)
        yield Showcase(now).made()
        transaction.set_rollback(True)
    forget_tokens()


def test_every_page_has_its_row() -> None:
    assert set(OURS) == set(TABLE)


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
@pytest.mark.parametrize("privacy", ["public", "private"])
def test_a_page_serves_who_may_and_nobody_else(
    visitor: Visitor, privacy: str, known: Mapping[str, Any]
) -> None:
    is_private = privacy == "private"
    places = _private(known) if is_private else known
    wrong = []
    for name, route in OURS.items():
        if is_private and "repository" not in route.parameters:
            continue
        for method in ("GET", "POST"):
            got = _ask(visitor, method, address_of(route, places))
            if got not in _allowed(expected(TABLE[name], method, visitor, is_private=is_private)):
                wrong.append(f"{method} {address_of(route, places)}: {got}")
    assert not wrong, "\n".join(wrong)


def test_what_may_not_be_seen_looks_exactly_like_what_is_not_there(
    known: Mapping[str, Any],
) -> None:
    for login in ("", "frank"):
        for route in OURS.values():
            for parameter, private, missing in (
                ("repository", "acme/secret", "acme/absent"),
                ("namespace", "blank", "bland"),
            ):
                if parameter not in route.parameters:
                    continue
                answers = []
                for place in (private, missing):
                    changed = {**known["parameters"], parameter: place}
                    url = address_of(route, {**known, "parameters": changed, "arguments": {}})
                    answers.append(_client(login).get(url))
                texts = [_same(answer, private, missing) for answer in answers]
                refused = 404
                if SUPERUSER in TABLE[route.name].values():  # refused before anything is looked for
                    refused = 403 if login else 302
                assert [each.status_code for each in answers] == [refused, refused], route.name
                assert texts[0] == texts[1], route.name


def test_no_page_takes_a_form_without_its_token(known: Mapping[str, Any]) -> None:
    for route in ROUTES.values():
        if isinstance(route.view, type) and not hasattr(route.view, "post"):
            continue
        for login in ("", "alice", "admin"):
            client = browser(_user(login), checks_csrf=True)
            with transaction.atomic():
                answer = client.post(address_of(route, known))
                transaction.set_rollback(True)
            assert answer.status_code == 403, (route.name, login, answer.status_code)
            assert "This form is too old" in answer.content.decode(), route.name


def _ask(visitor: Visitor, method: str, url: str) -> Answer:
    with transaction.atomic():  # whatever it changes is taken back
        answer = _client(visitor.login).generic(method, url)
        got = _answer_of(answer)
        if answer.streaming:
            list(answer)  # at its end it closes what it holds open
        transaction.set_rollback(True)
    return got


def _answer_of(answer: HttpResponseBase) -> Answer:
    if answer.status_code >= 500:
        return Answer.FAILED
    if answer.status_code == 302 and reverse("account_login") in answer.headers["Location"]:
        return Answer.SIGN_IN
    known = {403: Answer.FORBIDDEN, 404: Answer.MISSING, 405: Answer.NO_METHOD}
    return known.get(answer.status_code, Answer.SERVED)


def _allowed(answer: Answer) -> set[Answer]:
    """Who may send an empty form can be told that what it names is not there.

    A method that no page has may be refused for any reason.
    """
    if answer is Answer.NO_METHOD:
        return set(Answer) - {Answer.SERVED, Answer.FAILED}
    return {answer, Answer.MISSING} if answer is Answer.SERVED else {answer}


def _client(login: str) -> Client:
    client = browser(_user(login))
    client.raise_request_exception = False
    return client


def _user(login: str) -> User | None:
    return User.objects.get(username=login) if login else None


def _private(known: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **known,
        "parameters": known["parameters"] | known["private"]["parameters"],
        "arguments": known["arguments"] | known["private"]["arguments"],
    }


def _same(answer: Any, *names: str) -> str:
    """What a page says, without the name that was asked for."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", answer.content.decode())
    for name in names:
        text = text.replace(name, "NAME").replace(name.replace("/", "%2F"), "NAME")
    return text
