"""The settings of the tests: a data folder of their own, and no collected static files."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.template import begin_run

begin_run()
_data = Path(tempfile.mkdtemp(prefix="berth-tests-"))
atexit.register(shutil.rmtree, _data, ignore_errors=True)
(_data / "static").mkdir()
os.environ["BERTH_DATA"] = str(_data)
# Tests start many programs; each would compile its modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ.setdefault("BERTH_SECRET_KEY", "only-for-tests-0123456789-0123456789-0123456789")

from config.settings import *  # noqa: E402, F403

IS_DEVELOPMENT = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

PASSWORD_HASHERS = ["tests.hashing.QuickHasher", *PASSWORD_HASHERS[1:]]  # noqa: F405

# SQLite in memory, Django's default, fails at once where connections of a file wait in line.
if DATABASES["default"]["ENGINE"].endswith("sqlite"):  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": str(_data / "test.sqlite3")}  # noqa: F405
