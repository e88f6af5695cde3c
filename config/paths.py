"""Where things are: the source tree and the data folder."""

from collections.abc import Mapping
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


def data_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("BERTH_DATA") or BASE_DIR / "data").expanduser().absolute()
