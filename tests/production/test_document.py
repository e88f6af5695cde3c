"""The commands of docs/production.md do what it says."""

import time
from pathlib import Path
from typing import Final

import pytest

from accounts.credentials.keys import REMEMBER_FOR
from tests.clients.run import Home, client
from tests.config.documented import management_commands
from tests.production.document import HOST, PAGE, TRIED, blocks, lines, with_words
from tests.production.stack import LOGIN, Stack

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]

# These want a backup and an empty place: test_backup.py.
ELSEWHERE: Final = {"backup", "restore", "fsck"}
COMMANDS: Final = [
    command.arguments
    for command in management_commands()
    if command.document == PAGE and command.arguments[0] not in ELSEWHERE | {"serve"}
]
OF_CLIENTS: Final = [line for line in lines("$ ") if not line.startswith("berth ")]


@pytest.mark.parametrize("command", sorted(set(COMMANDS)), ids=" ".join)
def test_a_command_ends_well_beside_a_running_registry(
    command: tuple[str, ...], stack: Stack
) -> None:
    assert stack.manage(*command) is not None  # it raises when the command fails

    if "--revoke" in command:  # until then a server may sign with the key that is worthless
        time.sleep(REMEMBER_FOR.total_seconds() + 1)


@pytest.mark.parametrize("line", OF_CLIENTS)
def test_a_registry_that_is_well_says_so_to(line: str, stack: Stack, tmp_path: Path) -> None:
    _, password = LOGIN
    trusted = {"SSL_CERT_FILE": str(stack.certificate), "CURL_CA_BUNDLE": str(stack.certificate)}
    program, *words = with_words(line, {HOST: stack.host}).split()

    Home(tmp_path, trusted).run(client(program), *words, stdin=password)


def test_a_backup_is_tried_as_the_document_says() -> None:
    shown = {line for line in lines("$ berth ") if line.split()[0] in ELSEWHERE}

    assert shown == {" ".join(command) for command in TRIED}


def test_each_text_of_the_document_is_typed_or_read_by_a_program() -> None:
    """Those for root are typed by test_machine.py, and the rest sets up what runs here."""
    assert {language for language, _ in blocks()} == {"console", "yaml", "nginx", "haproxy"}
    assert [line for line in lines("") if not line.startswith(("$ ", "# "))] == []
