"""Each management command that a document shows is one, with these arguments."""

import pytest
from django.core.management import get_commands, load_command_class

from tests.config.documented import ManagementCommand, management_commands

COMMANDS = list(dict.fromkeys(management_commands()))


@pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda command: f"{command.document}: {' '.join(command.arguments)}"
)
def test_a_documented_command_exists_and_takes_its_arguments(command: ManagementCommand) -> None:
    name, *arguments = command.arguments
    if name == "help":
        return
    application = get_commands()[name]
    assert isinstance(application, str)
    parser = load_command_class(application, name).create_parser("manage.py", name)

    if not command.is_mention:
        parser.parse_args(arguments)


def test_the_documents_show_commands() -> None:
    assert len(COMMANDS) > 30
