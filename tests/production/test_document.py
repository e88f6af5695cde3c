"""The commands of docs/production.md do what it says."""

import time
from pathlib import Path
from typing import Final

import pytest

from accounts.credentials.keys import REMEMBER_FOR
from tests.clients.run import Home, client
from tests.config.documented import management_commands
from tests.production.stack import DOCUMENT, LOGIN, Stack

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]

# These want a backup and an empty place: test_backup.py.
ELSEWHERE: Final = {"backup", "restore", "fsck"}
COMMANDS: Final = [
    command.arguments
    for command in management_commands()
    if command.document == str(DOCUMENT.relative_to(DOCUMENT.parents[1]))
    and command.arguments[0] not in ELSEWHERE | {"serve"}
]


@pytest.mark.parametrize("command", sorted(set(COMMANDS)), ids=" ".join)
def test_a_command_ends_well_beside_a_running_registry(
    command: tuple[str, ...], stack: Stack
) -> None:
    assert stack.manage(*command) is not None  # it raises when the command fails

    if "--revoke" in command:  # until then a server may sign with the key that is worthless
        time.sleep(REMEMBER_FOR.total_seconds() + 1)


def test_a_registry_that_is_well_says_so_to_curl_and_crane(stack: Stack, tmp_path: Path) -> None:
    home = Home(tmp_path, {"SSL_CERT_FILE": str(stack.certificate)})
    certificate = ("--cacert", stack.certificate)
    name, password = LOGIN

    home.run(client("curl"), "--fail", *certificate, f"https://{stack.host}/readyz")
    login = ("auth", "login", stack.host, "--username", name, "--password-stdin")

    assert "logged in" in home.said(client("crane"), *login, stdin=password)
