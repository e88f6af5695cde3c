"""Where things are: the code, what goes with it, and the data folder."""

import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# What processes make is for their user only (umask).
PRIVATE = 0o077

BASE_DIR = Path(__file__).resolve().parents[2]

# A wheel has templates, static files and documents in a folder of its own beside the code.
_IN_WHEEL = BASE_DIR / "berth"
IS_INSTALLED = _IN_WHEEL.is_dir()
FILES_DIR = _IN_WHEEL if IS_INSTALLED else BASE_DIR
# An image brings the static files along, collected when it was built.
COLLECTED_DIR = FILES_DIR / "collected"


def data_folder(environ: Mapping[str, str]) -> Path:
    """The folder that ``BERTH_DATA`` names; else ``data``, in the checkout or where we are.

    It is made and used only where something is kept in it (``settings.HAS_DATA_DIR``).
    """
    home = Path.cwd() if IS_INSTALLED else BASE_DIR
    return Path(environ.get("BERTH_DATA") or home / "data").expanduser().absolute()


def berth_version() -> str:
    """The version of pyproject.toml, which an installed Berth knows from its metadata."""
    if IS_INSTALLED:
        try:
            return version("berth")
        except PackageNotFoundError:  # copied, not installed
            return "unknown"
    with (BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
