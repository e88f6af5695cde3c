"""What people, scripts and shells may write behind a command: one sentence, and nothing changes."""

import io
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken
from accounts.users.models import User
from config import cli
from config.keys.loading import ConfigurationError
from registry.repositories.models import Repository
from tests.registry.builders import make_organization, make_repository, make_user

NONSENSE = [
    *("", " ", "a\nb", "\x1b[31m", "x" * 5000, "../..", "/", "a/b/c:d", "@", ":", "+", "a+"),
    *("acme/web:", "acme/web@sha256:zz", "acme/web:v1@x", "'", "%s", "{0}", "-x", "é", "/x/web"),
    *("acme/none:v1", "acme/web:none", "9" * 400, "0d", "-1d", "9999999y", "nan", "2027-13-45"),
    *("0001-01-01T00:00+23:59", "9999-12-31T23:59:59-23:59", "sha256:" + "0" * 64),
]
# The place of the nonsense is an X. Where a command makes something, all of these refuse it.
FORMS = {
    "clear_second_factor": ["X"],
    "create_organization": ["org-9 --owner X"],
    "create_repository": ["X/web"],
    "create_robot": ["X", "acme+X/"],
    "create_token": ["X --name x", "alice --name x --expires-in X", "alice --name x --scope X"],
    "create_user": ["X/", "bob --email X"],
    "grant": [
        *("X acme/web --user alice", "read X --user alice", "read acme/web --user X"),
        *("read acme/web --robot X", "read acme/web --team X", "read X/web --create --user alice"),
    ],
    "delete_tag": ["X", "acme/web:X", "acme/web:v1 --for-good --digest X"],
    "restore_tag": ["X sha256:0", "acme/web:v1 X"],
    "expire_tag": ["X --never", "acme/web:v1 --in X", "acme/web:v1 --at X"],
    "immutable_tag": ["X", "acme/web:X"],
    "tags": ["X"],
    "time_machine": ["X", "acme X"],
    "retention": ["X", "X --run"],
    "require_signatures": ["X off", "acme/web X"],
    "signature_keys": ["X", "list X", "add acme X /dev/null", "add acme k X", "remove acme X"],
    "signatures": ["X", "acme/web@X"],
    "check_policy": ["X", "--report X/", "acme/web:v1 --policy X"],
    "check_config": ["X"],
    "generate_data": ["--repositories X", "--tags X"],
    "gc": ["X"],
    "fsck": ["X"],
    "doctor": ["X"],
    "rotate_signing_key": ["X"],
    "reseal": ["X"],
    "audit_archive": ["X", "--since X", "--read --before X"],
    "backup": ["s3:// --keep X"],
    "restore": ["/nowhere --at X"],
    "move_database": ["X"],
    "move_store": ["X"],
}
OWN_TESTS = {"serve", "migrate"}


def written(form: str, nonsense: str) -> list[str]:
    return [part.replace("X", nonsense) for part in form.split()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("command", "form"), [(command, form) for command, forms in FORMS.items() for form in forms]
)
def test_nonsense_is_refused_and_changes_nothing(
    command: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user()
    make_organization("acme")
    make_repository("acme/web")
    before = _held()

    for nonsense in NONSENSE:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        if nonsense in _right_for(form):
            continue
        with pytest.raises((CommandError, ConfigurationError)):
            call_command(command, *written(form, nonsense), stdout=io.StringIO())

    assert _held() == before


def _right_for(form: str) -> set[str]:
    """What is no nonsense in this place."""
    if form.endswith("--email X"):
        return {""}
    if form.endswith("acme X") or form.endswith("--in X"):
        return {"0d"}
    return set()


NEED_NOTHING = {
    *("gc", "fsck", "doctor", "check_config", "rotate_signing_key", "generate_data", "reseal"),
}


def _held() -> list[int]:
    return [rows.objects.count() for rows in (AuditEvent, AccessToken, User, Repository)]


@pytest.mark.django_db
@pytest.mark.parametrize("command", sorted(set(FORMS) - NEED_NOTHING))
def test_what_is_missing_is_said(command: str) -> None:
    with pytest.raises(CommandError):
        call_command(command)


def test_every_command_has_been_told_nonsense() -> None:
    root = Path(cli.__file__).parent.parent
    files = root.glob("*/**/management/commands/[a-z]*.py")

    commands = {file.stem for file in files if ".venv" not in file.parts}

    assert commands - OWN_TESTS == set(FORMS)


@pytest.mark.parametrize("argument", ["a\x00", "a\x1b[31mb", "a\nb", "a\udcff", "\x9b31m"])
def test_an_argument_that_is_no_text_is_refused_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["berth", "create_user", argument])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert str(ended.value).startswith("An argument holds control characters or is not UTF-8")


def test_a_program_for_the_shell_may_have_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "for number in (1, 2):\n\tprint(number)"
    monkeypatch.setattr(
        sys, "argv", ["berth", "shell", "--no-imports", "--no-color", "--command", program]
    )

    cli.main()

    assert capsys.readouterr().out == "1\n2\n"


@pytest.mark.django_db
def test_no_end_is_no_token_for_ever() -> None:
    make_user()

    with pytest.raises(CommandError):
        call_command("create_token", "alice", "--name", "x", "--expires-in", "")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", " "])
def test_a_token_has_a_name(name: str) -> None:
    make_user()

    with pytest.raises(CommandError, match="--name needs a word"):
        call_command("create_token", "alice", "--name", name)
