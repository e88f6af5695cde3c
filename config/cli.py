"""Runs management commands, as ``manage.py`` and as the console script ``berth``."""

import os
import re
import sys
from pathlib import Path

from config.keys.loading import ConfigurationError
from config.keys.paths import PRIVATE, data_folder

# Names are shown and stored, and neither a terminal nor a database takes such characters for text.
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CURE = "run this as Berth's user, or give this user the right to it"
_SQLITE_COMPLAINTS = ("unable to open database file", "readonly database")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.umask(PRIVATE)
    # Other programs write their commands with hyphens.
    sys.argv[1:2] = [name.replace("-", "_") if name[0:1] != "-" else name for name in sys.argv[1:2]]
    is_code = sys.argv[1:2] == ["shell"]  # whose argument is a program of many lines
    if not is_code and any(_NOT_TEXT.search(argument) for argument in sys.argv[1:]):
        sys.exit("An argument holds control characters or is not UTF-8: write it as plain text.")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.exit(str(error))
    except (OperationalError, PermissionError) as error:
        if (problem := _folder_problem(data_folder(os.environ), error)) is None:
            raise
        sys.exit(problem)


def _folder_problem(folder: Path, error: Exception) -> str | None:
    """A sentence, when the data folder is why ``error`` happened; else ``None``."""
    if isinstance(error, PermissionError):
        if not Path(error.filename or "").is_relative_to(folder):
            return None
        return f"{error.filename} cannot be read: {_CURE}."
    if not any(words in str(error) for words in _SQLITE_COMPLAINTS):
        return None
    if not folder.exists():
        return (
            f"There is no data folder {folder}. Name another one with BERTH_DATA=FOLDER,"
            " or make it with: python manage.py serve"
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        return f"The data folder {folder} cannot be read: {_CURE}."
    return f"The database in {folder} cannot be opened or written ({error}): {_CURE}."
