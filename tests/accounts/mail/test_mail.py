"""Mail that is posted by requests and sent by a job."""

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage, send_mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone
from pytest_django import Settings

from accounts.mail import tasks
from accounts.mail.models import OutgoingMail
from accounts.mail.services import post
from accounts.mail.tasks import FIRST_WAIT, MAX_ATTEMPTS, send_batch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _deliveries(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "accounts.mail.services.Outbox"
    settings.MAIL_DELIVERY_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A mail server that fails as the first of the list says."""
    failures: list[Exception] = [smtplib.SMTPServerDisconnected("gone")]

    def fail(*_: Any) -> int:
        raise failures[0]

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    return failures


def write(now: datetime, recipient: str = "alice@example.com") -> None:
    post(recipient=recipient, subject="A\nsubject", body="The body", now=now)


def test_what_is_posted_is_sent_by_the_job_and_gone(
    now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    write(now)
    assert mailoutbox == []

    assert send_batch(now=now, limit=10) == 1

    (mail,) = mailoutbox
    assert (mail.to, mail.subject, mail.body) == (["alice@example.com"], "A subject", "The body")
    assert not OutgoingMail.objects.exists()


def test_all_mail_of_django_is_posted(mailoutbox: list[EmailMessage]) -> None:
    send_mail("Subject", "Body", None, ["alice@example.com", "bob@example.com"])

    recipients = OutgoingMail.objects.order_by("pk").values_list("recipient", flat=True)
    assert list(recipients) == ["alice@example.com", "bob@example.com"]
    assert mailoutbox == []


def test_a_posted_mail_wakes_the_job_when_all_is_committed(
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[bool] = []
    monkeypatch.setattr(tasks.send_waiting, "apply_async", lambda **_: sent.append(True))

    with django_capture_on_commit_callbacks(execute=True):
        write(now)
        assert sent == []

    assert sent == [True]


def test_a_queue_that_does_not_answer_makes_no_request_fail(
    now: datetime, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ConnectionError("no queue")

    monkeypatch.setattr(tasks.send_waiting, "apply_async", fails)

    with django_capture_on_commit_callbacks(execute=True):
        write(now)

    assert OutgoingMail.objects.count() == 1


def test_nobody_gets_no_mail(now: datetime, mailoutbox: list[EmailMessage]) -> None:
    write(now, recipient="")

    assert send_batch(now=now, limit=10) == 1

    assert mailoutbox == []
    assert not OutgoingMail.objects.exists()


def test_a_mail_that_fails_is_tried_again_less_and_less_often(
    now: datetime, broken: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    write(now)

    with caplog.at_level(logging.WARNING):
        send_batch(now=now, limit=10)
        assert send_batch(now=now + FIRST_WAIT / 2, limit=10) == 0
        assert send_batch(now=now + FIRST_WAIT, limit=10) == 1
        assert send_batch(now=now + 2 * FIRST_WAIT, limit=10) == 0
        assert send_batch(now=now + 3 * FIRST_WAIT, limit=10) == 1

    assert OutgoingMail.objects.get().attempts == 3
    assert "could not be sent, attempt 1 of 7: gone" in caplog.text
    assert "alice@example.com" not in caplog.text


def test_a_mail_is_given_up_in_the_end(
    now: datetime, broken: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    write(now)

    for attempt in range(MAX_ATTEMPTS):
        assert OutgoingMail.objects.exists()
        send_batch(now=now + timedelta(days=attempt), limit=10)

    assert not OutgoingMail.objects.exists()
    assert "was given up after 7 attempts" in caplog.text


def test_an_address_that_the_server_refuses_for_good_is_tried_once(
    now: datetime, broken: list[Exception]
) -> None:
    broken[0] = smtplib.SMTPRecipientsRefused({"alice@example.com": (550, b"no such user")})
    write(now)

    send_batch(now=now, limit=10)

    assert not OutgoingMail.objects.exists()


def test_an_address_that_the_server_refuses_for_now_is_tried_again(
    now: datetime, broken: list[Exception]
) -> None:
    broken[0] = smtplib.SMTPRecipientsRefused({"alice@example.com": (451, b"greylisted")})
    write(now)

    send_batch(now=now, limit=10)

    assert OutgoingMail.objects.get().attempts == 1


def test_one_mail_that_fails_keeps_no_other_back(
    now: datetime, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    send = tasks._send

    def fail_for_alice(mail: OutgoingMail) -> None:
        if mail.recipient.startswith("alice"):
            raise TimeoutError("too slow")
        send(mail)

    monkeypatch.setattr(tasks, "_send", fail_for_alice)
    write(now)
    write(now, recipient="bob@example.com")

    send_batch(now=now, limit=10)

    assert [mail.to for mail in mailoutbox] == [["bob@example.com"]]


def test_of_two_jobs_one_sends(
    now: datetime, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    write(now)
    send = tasks._send

    def send_while_another_looks(mail: OutgoingMail) -> None:
        monkeypatch.setattr(tasks, "_send", send)
        send_batch(now=now, limit=10)
        send(mail)

    monkeypatch.setattr(tasks, "_send", send_while_another_looks)
    send_batch(now=now, limit=10)

    assert len(mailoutbox) == 1


def test_the_job_sends_all_that_waits(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    for _ in range(3):
        write(timezone.now())

    tasks.send_waiting()

    assert len(mailoutbox) == 3


def test_a_job_that_was_at_it_for_long_leaves_the_rest_to_the_next(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(tasks, "TURN_SECONDS", 0)
    monkeypatch.setattr(tasks.send_waiting, "delay", lambda: asked.append(True))
    for _ in range(3):
        write(timezone.now())

    tasks.send_waiting()

    assert (len(mailoutbox), asked) == (1, [True])


def test_a_second_job_leaves_all_to_the_one_that_sends(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    write(timezone.now())
    send, sent_meanwhile = tasks._send, []

    def send_while_another_begins(mail: OutgoingMail) -> None:
        monkeypatch.setattr(tasks, "_send", send)
        write(timezone.now(), "bob@example.com")
        tasks.send_waiting()
        sent_meanwhile.extend(mailoutbox)
        send(mail)

    monkeypatch.setattr(tasks, "_send", send_while_another_begins)
    tasks.send_waiting()

    assert sent_meanwhile == []
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"], ["bob@example.com"]]


def test_a_mail_has_the_same_id_at_each_attempt(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str] = []

    def fail(_: object, messages: list[EmailMessage]) -> int:
        ids.extend(str(message.message()["Message-ID"]) for message in messages)
        raise TimeoutError

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    write(now)
    send_batch(now=now, limit=10)
    send_batch(now=now + FIRST_WAIT, limit=10)

    assert len(ids) == 2
    assert len(set(ids)) == 1
