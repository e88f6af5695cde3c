"""What background jobs take of a large registry: each of the timetable, and walks through it all.

Runs in a process of its own for each registry, whose environment says which one it is.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from unittest.mock import patch

from benchmarks.work import Work, in_process

MOST_TURNS: Final = 2000  # of a job that asks to be run again
KEPT_TAGS: Final = 1_000_000  # by the rule that retention is measured with: it removes nothing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.jobs", description=__doc__)
    parser.add_argument("--job", default="", help="only those with this in their name")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    for name, work in jobs().items():
        if options.job in name:
            print(_line(name, in_process(work)), flush=True)
    return 0


def jobs() -> Mapping[str, Callable[[], str]]:
    """Those of the timetable go on until they have nothing left."""
    from config.celery import app

    tasks = sorted({entry["task"] for entry in app.conf.beat_schedule.values()})
    return {
        "gc.collect, of what is recent": _collect_recent,
        "gc.collect, of everything": _collect,
        "gc, a dry run": _forecast,
        "retention.run, 20 repositories with a rule": _retention_of_some,
        "retention.run, the repository with many tags": _retention_of_many,
        "fsck, rows and files": _compare,
        "fsck, manifests": _check_manifests,
        **{name: _task(name) for name in tasks if name != "gc.collect"},
    }


def _task(name: str) -> Callable[[], str]:
    def run() -> str:
        from config.celery import app

        app.loader.import_default_modules()
        task = app.tasks[name]
        for turn in range(1, MOST_TURNS + 1):
            with patch.object(task, "delay") as again:
                task()
            if not again.called:
                return f"{turn} turns" if turn > 1 else ""
        return f"{MOST_TURNS} turns, and not ready"

    return run


def _collect_recent() -> str:
    """As the job does five minutes after the last time."""
    from registry.gc.report import Report
    from registry.gc.services import OVERLAP, collect_recent

    report, now = Report(), _now()
    collect_recent(since=now - timedelta(minutes=5) - OVERLAP, now=now, report=report)
    return _freed(report.counts.values())


def _collect() -> str:
    from registry.gc.report import Report
    from registry.gc.services import collect

    report = Report()
    collect(now=_now(), report=report)
    return _freed(report.counts.values())


def _forecast() -> str:
    from registry.gc.forecast import forecast
    from registry.gc.report import Report

    report = Report()
    forecast(now=_now(), report=report)
    return _freed(report.counts.values())


def _freed(counts: object) -> str:
    items = sum(count.items for count in counts)  # type: ignore[attr-defined]
    return f"{items:,} rows" if items else ""


def _retention_of_some() -> str:
    """A rule of the organization, which goes again."""
    from accounts.users.models import Namespace
    from registry.retention.models import RetentionRun
    from registry.retention.rules import Rule, RuleKind
    from registry.retention.services import set_rules
    from registry.retention.tasks import BATCH_REPOSITORIES, sweep

    namespace = Namespace.objects.get(name="generated")
    rule = Rule(kind=RuleKind.NUMBER_OF_TAGS, value=KEPT_TAGS)
    set_rules(place=namespace, rules=[rule], now=_now())
    try:
        done = sweep(now=_now(), limit=BATCH_REPOSITORIES)
    finally:
        set_rules(place=namespace, rules=[], now=_now())
        RetentionRun.objects.all().delete()
    return f"{done} repositories"


def _retention_of_many() -> str:
    from registry.repositories.models import Repository
    from registry.retention.rules import Rule, RuleKind
    from registry.retention.services import run, set_rules

    repository = Repository.objects.get(path="generated/many-tags")
    rule = Rule(kind=RuleKind.NUMBER_OF_TAGS, value=KEPT_TAGS)
    set_rules(place=repository, rules=[rule], now=_now())
    try:
        outcome = run(repository=repository, now=_now())
    finally:
        set_rules(place=repository, rules=[], now=_now())
    return f"{outcome.tags} tags removed"


def _compare() -> str:
    from registry.gc.fsck import compare
    from registry.gc.report import Report

    report = Report()
    blobs = compare(now=_now(), report=report, dry_run=True)
    return f"{blobs:,} blobs, {len(report.problems)} problems"


def _check_manifests() -> str:
    from registry.gc.fsck import check_manifests
    from registry.gc.report import Report

    report = Report()
    manifests = check_manifests(report=report)
    return f"{manifests:,} manifests, {len(report.problems)} problems"


def _now() -> datetime:
    return datetime.now(UTC)


def _line(name: str, work: Work) -> str:
    return (
        f"| {name} | {work.result} | {work.seconds:.1f} | {work.processor_seconds:.2f}"
        f" | {work.database_seconds:.2f} | {work.statements:,}"
        f" | {work.grown_bytes / 1024**2:.0f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
