"""The management commands: what they make, print and refuse."""

import io
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken, SigningKey
from accounts.credentials.services import authenticate
from accounts.organizations.models import Organization, TeamMember
from accounts.users.models import Robot, User
from artifacts.oci.errors import Denied
from tests.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db

Run = Callable[..., list[str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; return the lines it printed."""

    def run(*arguments: str, stdin: str = "") -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        output = io.StringIO()
        call_command(*arguments, stdout=output)
        return output.getvalue().splitlines()

    return run


def logs_in(username: str, password: str) -> bool:
    now = timezone.now()
    return bool(authenticate(username=username, password=password, address="::1", now=now))


def test_create_user_prints_a_random_password_once(run: Run) -> None:
    lines = run("create_user", "carol", "--email", "carol@example.org")

    assert lines[0] == "created the user carol"
    assert logs_in("carol", lines[-1].split()[-1])
    assert not User.objects.get().is_superuser
    assert AuditEvent.objects.get().actor == "command line"


def test_create_user_reads_the_password_from_standard_input_and_keeps_quiet_about_it(
    run: Run,
) -> None:
    lines = run("create_user", "admin", "--superuser", "--password-stdin", stdin=PASSWORD + "\n")

    assert lines == ["created the superuser admin"]
    assert logs_in("admin", PASSWORD)
    assert User.objects.get().is_superuser


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["Carol"], "", "lower-case"),
        (["alice"], "", "already taken"),
        (["api"], "", "reserved"),
        (["carol", "--password-stdin"], "", "holds no password"),
        (["carol", "--password-stdin"], "short", "too short"),
        (["carol", "--email", "nonsense"], "", "not an e-mail address"),
    ],
)
def test_create_user_says_what_is_wrong_in_one_sentence(
    arguments: list[str], stdin: str, message: str, alice: User, run: Run
) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        run("create_user", *arguments, stdin=stdin)

    assert "\n" not in str(caught.value)
    assert User.objects.count() == 1


def test_create_organization_makes_its_owner_an_owner(alice: User, run: Run) -> None:
    assert run("create_organization", "acme", "--owner", "alice") == [
        "created the organization acme, owned by alice"
    ]

    assert TeamMember.objects.get(team__organization=Organization.objects.get()).user == alice


def test_create_organization_needs_an_owner_that_exists(run: Run) -> None:
    with pytest.raises(CommandError, match="there is no user 'nobody'"):
        run("create_organization", "acme", "--owner", "nobody")


def test_create_robot_prints_its_token_on_the_last_line(acme: Organization, run: Run) -> None:
    lines = run("create_robot", "acme+ci", "--description", "builds")

    assert logs_in("acme+ci", lines[-1])
    assert Robot.objects.get().description == "builds"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ci", "OWNER\\+NAME"),
        ("nobody+ci", "there is no user or organization 'nobody'"),
        ("acme+", "cannot be used"),
        ("acme+A", "cannot be used"),
    ],
)
def test_create_robot_says_what_is_wrong(
    name: str, message: str, acme: Organization, run: Run
) -> None:
    with pytest.raises(CommandError, match=message):
        run("create_robot", name)

    assert not Robot.objects.exists()


def test_create_robot_does_not_touch_one_that_exists(robot: Robot, run: Run) -> None:
    with pytest.raises(CommandError, match="already exists"):
        run("create_robot", "acme+ci")

    assert not AccessToken.objects.exists()


def test_create_token_prints_the_token_on_the_last_line(alice: User, run: Run) -> None:
    lines = run(
        "create_token", "alice", "--name", "laptop", "--scope", "read", "--expires-in", "90d"
    )

    token = AccessToken.objects.get()
    assert logs_in("$app", lines[-1])
    assert (token.title, token.scope, token.user) == ("laptop", "read", alice)
    assert token.expires_at == token.created_at + timedelta(days=90)


@pytest.mark.parametrize("lifetime", ["90", "-1d", "0d", "forever", "1.5h"])
def test_create_token_refuses_an_odd_lifetime(lifetime: str, alice: User, run: Run) -> None:
    with pytest.raises(CommandError, match="lifetime"):
        run("create_token", "alice", "--name", "x", f"--expires-in={lifetime}")

    assert not AccessToken.objects.exists()


def test_create_token_refuses_a_lifetime_that_no_date_can_hold(alice: User, run: Run) -> None:
    with pytest.raises(CommandError, match="'999999w' is longer than 1000 years"):
        run("create_token", "alice", "--name", "x", "--expires-in", "999999w")


def test_create_token_knows_years(alice: User, run: Run) -> None:
    run("create_token", "alice", "--name", "laptop", "--expires-in", "1y")

    token = AccessToken.objects.get()
    assert token.expires_at == token.created_at + timedelta(days=365)


def test_rotate_signing_key_publishes_a_new_one(run: Run) -> None:
    (line,) = run("rotate_signing_key")

    assert line.endswith(SigningKey.objects.get(retired_at=None).kid)


def test_rotate_signing_key_can_end_what_the_old_one_signed(run: Run) -> None:
    run("rotate_signing_key")
    (line,) = run("rotate_signing_key", "--revoke")

    assert line.count(SigningKey.objects.get().kid) == 1


def test_somebody_without_their_second_factor_is_let_in_by_the_password(
    run: Run, alice: User
) -> None:
    for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES):
        Authenticator.objects.create(user=alice, type=kind, data={})
    assert not may_log_in(alice)

    run("clear_second_factor", "alice")

    assert may_log_in(alice)
    events = AuditEvent.objects.filter(action="user.second-factor.remove").order_by("pk")
    assert [(event.actor, event.facts["factor"]) for event in events] == [
        ("command line", "totp"),
        ("command line", "recovery_codes"),
    ]


def test_who_has_no_second_factor_loses_none(run: Run, alice: User) -> None:
    assert run("clear_second_factor", "alice") == ["alice has no second factor"]
    assert not AuditEvent.objects.filter(action="user.second-factor.remove").exists()


def may_log_in(user: User) -> bool:
    try:
        return logs_in(user.username, PASSWORD)
    except Denied:
        return False
