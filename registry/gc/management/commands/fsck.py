"""``manage.py fsck``: are all blobs and manifests there, and what their names say?"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from registry.gc import fsck
from registry.gc.report import Report

_WIDTH = 40
_STEP_OF_LOG = 10


class Output(Protocol):
    def write(self, msg: str, *, ending: str) -> None: ...

    def flush(self) -> None: ...


class ProgressBar:
    """A line that is drawn again at each percent; without a terminal, a line every ten."""

    def __init__(self, output: Output, *, is_terminal: bool) -> None:
        self._output = output
        self._is_terminal = is_terminal
        self._shown = -1

    def show(self, share: float) -> None:
        """``share`` from 0 to 1."""
        percent = int(share * 100)
        step = 1 if self._is_terminal else _STEP_OF_LOG
        if percent // step == self._shown // step:
            return
        self._shown = percent
        full = _WIDTH * percent // 100
        bar = f"[{'#' * full}{'.' * (_WIDTH - full)}] {percent:3d} %"
        self._output.write(f"\r{bar}" if self._is_terminal else bar, ending=self._ending)
        self._output.flush()

    def end(self) -> None:
        if self._is_terminal and self._shown >= 0:
            self._output.write("", ending="\n")

    @property
    def _ending(self) -> str:
        return "" if self._is_terminal else "\n"


class Command(BaseCommand):
    help = (
        "Compare the database with the store in both directions. Blobs whose bytes are gone or"
        " broken are hidden until they are pushed again; bytes without a blob are deleted."
        " Berth goes on serving."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what is wrong")
        parser.add_argument(
            "--rehash", action="store_true", help="also read every byte and compare digests"
        )

        parser.add_argument(
            "--yes", action="store_true", help="hide blobs even where a large part of them is lost"
        )

    def handle(self, *args: Any, dry_run: bool, rehash: bool, yes: bool, **options: Any) -> None:
        now, report = timezone.now(), Report()
        try:
            blobs = fsck.compare(now=now, report=report, dry_run=dry_run, may_hide_many=yes)
        except fsck.StoreAbsent as error:
            raise CommandError(str(error)) from error
        if rehash:
            with self._progress() as bar:
                fsck.rehash(now=now, report=report, tell=bar.show, dry_run=dry_run)
        manifests = fsck.check_manifests(report=report)
        for problem in fsck.incomplete_manifests():
            report.add_problem(problem)
        self._tell(report, f"{blobs:,} blobs and {manifests:,} manifests examined")

    @contextmanager
    def _progress(self) -> Iterator[ProgressBar]:
        bar = ProgressBar(self.stderr, is_terminal=self.stderr.isatty())
        yield bar
        bar.end()

    def _tell(self, report: Report, examined: str) -> None:
        for line in [*report.lines(), *report.problems]:
            self.stdout.write(line)
        more = report.problem_count - len(report.problems)
        if more:
            self.stdout.write(f"and {more:,} more")
        self.stdout.write(f"{examined}, {report.problem_count:,} problems.")
        if report.problem_count:
            sys.exit(1)
