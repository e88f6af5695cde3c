"""Collects in a child process and kills it: ``python -m tests.registry.gc.killable STORE``.

Each line of standard input is a moment (ISO 8601) at which to collect and the seconds
after which the child is killed; the answer says whether it had ended before.
"""

import os
import signal
import sys
import time
from datetime import datetime, timedelta

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings  # noqa: E402

from registry.gc.report import Report  # noqa: E402
from registry.gc.services import collect  # noqa: E402
from registry.gc.store import reconcile_store  # noqa: E402


def main() -> None:
    settings.DISTRIBUTED_STORAGE_CONFIG = {
        "default": ["LocalStorage", {"storage_path": sys.argv[1]}]
    }
    for line in sys.stdin:
        moment, _, seconds = line.partition(" ")
        print(_killed(datetime.fromisoformat(moment), float(seconds)), flush=True)


def _killed(now: datetime, seconds: float) -> str:
    child = os.fork()
    if not child:
        report = Report()
        collect(now=now, report=report)
        reconcile_store(now=now, abandoned_after=timedelta(days=2), report=report)
        os._exit(1 if report.problems else 0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "ended" if os.WEXITSTATUS(status) == 0 else "failed"


if __name__ == "__main__":
    main()
