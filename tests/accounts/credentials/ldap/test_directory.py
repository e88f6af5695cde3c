"""Logging in by a directory, against a real one."""

import signal
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings

from accounts.credentials.ldap import directory
from accounts.credentials.ldap.directory import DirectoryUnavailable
from accounts.credentials.models import LoginThrottle
from accounts.credentials.principals import Principal
from accounts.credentials.services import authenticate
from accounts.users.models import User
from artifacts.oci.errors import OCIError, Unauthorized
from tests.directory_server import (
    PASSWORD,
    READER,
    READER_PASSWORD,
    ROOT,
    Directory,
    running_directory,
)
from tests.live import free_port
from tests.registry.builders import NOW, make_user
from tests.registry.builders import PASSWORD as OURS

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with running_directory(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture(autouse=True)
def _configured(settings: Settings, running: Directory) -> None:
    configure(settings, running.url)


def configure(settings: Settings, url: str, **more: str) -> None:
    told = {
        "AUTHENTICATION_TYPE": "LDAP",
        "LDAP_URI": url,
        "LDAP_ADMIN_DN": READER,
        "LDAP_ADMIN_PASSWD": READER_PASSWORD,
        "LDAP_UID_ATTR": "uid",
        "LDAP_EMAIL_ATTR": "mail",
        "LDAP_USER_RDN": ["ou=People"],
        "LDAP_BASE_DN": ROOT.split(","),
        **more,
    }
    for name, value in told.items():
        setattr(settings, name, value)


def log_in(username: str, password: str = PASSWORD) -> Principal:
    return authenticate(username=username, password=password, address="192.0.2.1", now=NOW)


def test_somebody_of_the_directory_gets_an_account_once(running: Directory) -> None:
    first, second = log_in("carol"), log_in("carol")

    assert first == second
    assert User.objects.get(username="carol").email == "carol@example.com"


def test_the_directory_may_spell_a_name_with_capitals() -> None:
    log_in("dora")

    assert User.objects.get(username="dora").email == ""  # what it holds there is no address


@pytest.mark.parametrize(
    "username",
    [
        *("*", "c*", "carol)(uid=*", "*)(&", "carol\0", "carol\\00", "\\63arol", "CAROL", "Dora"),
        *(
            "",
            " carol",
            "carol ",
            "ca  rol",
            "uid=carol",
            "nobody",
            "twin",
            "c\u0430rol",
            "x" * 5000,
        ),
    ],
)
def test_no_other_spelling_is_somebody(username: str) -> None:
    with pytest.raises(Unauthorized):
        log_in(username)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "password", ["", "\0", f"{PASSWORD}\0", "\0x", "\ud800", "x" * 100_000, "x"]
)
def test_what_is_no_password_of_theirs_opens_nothing(password: str) -> None:
    with pytest.raises(Unauthorized):
        log_in("carol", password)
    assert not User.objects.exists()


def test_the_directory_opens_no_account_that_it_did_not_make() -> None:
    make_user("carol")

    with pytest.raises(Unauthorized):
        log_in("carol")
    assert log_in("carol", OURS).name == "carol"


def test_an_account_of_another_service_stays_closed_to_the_directory() -> None:
    user = make_user("carol")
    user.set_unusable_password()
    user.save()
    SocialAccount.objects.create(user=user, provider="acme", uid="carol")

    with pytest.raises(Unauthorized):
        log_in("carol")


@contextmanager
def saying(answer: bytes, *, again_after: float = 0) -> Iterator[str]:
    """A server that gives one answer to whatever it is asked; ``again_after`` seconds once more."""

    def speak() -> None:
        while True:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(answer)
                    while again_after:
                        time.sleep(again_after)
                        connection.sendall(answer)
                    connection.recv(1)
                    connection.recv(1000)
            except OSError:
                if server.fileno() < 0:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak)
        thread.start()
        yield f"ldap://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x00",
        b"\x30\x02\x02\x05",
        b"\x30\x80\x00\x00",
        b"\x30\xff" + b"\xff" * 200,
        b"\x30\x84\x7f\xff\xff\xff" + b"\x00" * 1000,
        bytes.fromhex("30050201016100"),
        bytes.fromhex("3007020101610200ff"),
        bytes.fromhex("300c02010161070a010004000400")[:9],
        bytes.fromhex("300c02010061070a010004000400"),  # a notice of disconnection
        bytes.fromhex("300c02010161070a010304000400"),  # a code that is no refusal of a password
        bytes.fromhex("30050201077f00") * 200,  # answers to what was not asked
        b"",
    ],
)
def test_an_answer_that_is_none_is_no_wrong_password(settings: Settings, answer: bytes) -> None:
    with saying(answer) as url:
        configure(settings, url)
        with pytest.raises(DirectoryUnavailable):
            log_in("carol")


def test_a_directory_that_drips_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "ANSWER_SECONDS", 0.5)
    with saying(b"\x30\x84\x00\x00\xff\xff", again_after=0.05) as url:
        configure(settings, url)
        began = time.monotonic()

        with pytest.raises(DirectoryUnavailable):
            log_in("carol")

    assert time.monotonic() - began < 5


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_silent_directory_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(directory, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure(settings, f"{scheme}://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()

        with pytest.raises(DirectoryUnavailable):
            log_in("carol")

    assert time.monotonic() - began < 10


def test_a_directory_that_stops_answering_is_not_waited_for(
    settings: Settings, running: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "ANSWER_SECONDS", 1)
    running.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(DirectoryUnavailable):
            log_in("carol")
    finally:
        running.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"LDAP_ADMIN_PASSWD": "wrong"},
        {"LDAP_ADMIN_DN": "no name"},
        {"LDAP_URI": f"ldap://127.0.0.1:{free_port()}"},
    ],
)
def test_that_the_directory_cannot_be_asked_is_no_wrong_password(
    settings: Settings, running: Directory, wrong: dict[str, str]
) -> None:
    configure(settings, running.url, **wrong)

    with pytest.raises(DirectoryUnavailable):
        log_in("carol")

    assert not LoginThrottle.objects.exists()


def test_accounts_of_ours_go_on_without_the_directory(settings: Settings) -> None:
    make_user("alice")
    configure(settings, f"ldap://127.0.0.1:{free_port()}")

    assert log_in("alice", OURS).name == "alice"


def test_waiting_for_the_directory_takes_no_place_of_a_password_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_user("alice")
    monkeypatch.setattr(directory, "_WAIT_SECONDS", 0)
    for _ in range(directory.ASKED_AT_ONCE):
        directory._places.acquire()
    try:
        with pytest.raises(DirectoryUnavailable):
            log_in("carol")
        assert log_in("alice", OURS).name == "alice"
    finally:
        for _ in range(directory.ASKED_AT_ONCE):
            directory._places.release()


@pytest.mark.parametrize(
    "path", ["/v2/", "/v2/auth?service=x", "/v1/users/", "/api/v1/repository/a/b/tag/"]
)
def test_clients_are_told_that_the_directory_is_gone(settings: Settings, path: str) -> None:
    configure(settings, f"ldap://127.0.0.1:{free_port()}")
    login = b64encode(f"carol:{PASSWORD}".encode()).decode()

    answer = Client().get(path, headers={"authorization": f"Basic {login}"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


def test_the_sign_in_page_says_that_the_directory_is_gone(settings: Settings) -> None:
    configure(settings, f"ldap://127.0.0.1:{free_port()}")

    answer = Client().post("/account/login/", {"login": "carol", "password": PASSWORD})

    assert "the directory that knows this password does not answer" in answer.content.decode()


def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    settings: Settings, tmp_path: Path
) -> None:
    certificate = _certificate(tmp_path)
    with running_directory(tmp_path, certificate=certificate) as server:
        configure(settings, server.url)
        with pytest.raises(OCIError) as refused:
            log_in("carol")

    assert isinstance(refused.value, DirectoryUnavailable)


def test_a_certificate_that_the_system_knows_is_enough(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with running_directory(tmp_path, certificate=certificate) as server:
        configure(settings, server.url)

        assert log_in("carol").name == "carol"


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "c.pem", folder / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
