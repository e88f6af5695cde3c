"""Rules for which tags stay: edited, tried on what is stored, saved, and run."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from artifacts.refusals import Refusal
from registry.repositories.models import Repository
from registry.retention.models import RetentionRun
from registry.retention.rules import Decision, Rule
from registry.retention.selection import (
    RuleSet,
    configured_rules,
    namespace_rules,
    own_rules,
    rules_of,
)
from registry.retention.services import preview_page, request_run, set_rules
from ui.pages import FORM_REFUSED, reason_of
from ui.rules.places import NamespaceTagRules, RepositoryRules, RulePage
from ui.rules.rule_forms import EXAMPLES, KINDS, RuleEditor

SHOWN = 50  # tags on one page of the preview
COUNTED = 10_000  # of the newest tags, for rules that keep a number of them
NAMED = 50  # repositories that the field suggests


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would do with some tags of one repository."""

    repository: Repository
    decisions: Sequence[Decision]
    after: str
    next_after: str
    own_rules: bool  # of the repository: those that are tried would not hold in it

    @property
    def kept(self) -> int:
        return len(self.decisions) - self.removed - self.open

    @property
    def removed(self) -> int:
        return sum(1 for one in self.decisions if not one.is_kept and not one.is_open)

    @property
    def open(self) -> int:
        return sum(1 for one in self.decisions if one.is_open)


class RetentionPlace(RulePage):
    """What a namespace and a repository say differently."""

    def in_force(self) -> RuleSet:
        raise NotImplementedError

    def shown_repository(self, name: str, step: str) -> Repository | None:
        """The one that the preview is about."""
        raise NotImplementedError

    def suggested(self) -> Sequence[str]:
        """Paths of repositories that the preview can be about."""
        return ()

    def preview(self, rules: Sequence[Rule], data: Any) -> Preview | None:
        step = data.get("step", "")
        repository = self.shown_repository(data.get("repository", "").strip(), step)
        if repository is None:
            return None
        after = data.get("after", "")[:128] if step == "further" else ""
        decisions = preview_page(
            repository=repository,
            rules=rules,
            after=after if after.isascii() and "\x00" not in after else "",
            size=SHOWN,
            counted=COUNTED,
            now=self.now,
        )
        last = decisions[-1].tag.name if len(decisions) == SHOWN else ""
        has_own = self.place != repository and bool(own_rules(repository))
        return Preview(repository, decisions, after, last, has_own)

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "is_on": settings.BERTH.FEATURE_AUTO_PRUNE,
            "counted": COUNTED,
            "kinds": KINDS,
            "examples": EXAMPLES,
            "suggested": self.suggested(),
            "poll_seconds": settings.BERTH.AUTO_PRUNING_POLL_PERIOD,
        }


class RetentionEditor(RetentionPlace):
    """The rules of the place in one form. Each button sends them all; ``step`` says which it was.

    Nothing is kept before *save*, which follows a preview.
    """

    template = "ui/rules/retention.html"
    confirmation: ClassVar[str] = "ui/rules/retention_confirm.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self._edit(RuleEditor.of(own_rules(self.place)))

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        step = request.POST.get("step", "")
        if step not in {"save", "run", "preview", "further", "other"}:
            return self._edit(RuleEditor.stepped(request.POST, step))
        editor = RuleEditor.sent(request.POST)
        if not editor.is_valid:
            return self._edit(editor, status=FORM_REFUSED)
        if step in {"save", "run"}:
            return self._save(editor, runs_now=step == "run")
        return self.render(
            self.confirmation,
            crumb="Preview of the rules",
            editor=editor,
            preview=self.preview(editor.rules or self._without_own().rules, request.POST),
            falls_back_to=None if editor.rules else self._without_own(),
        )

    def _edit(
        self, editor: RuleEditor, *, status: int = HTTPStatus.OK, refusal: str = ""
    ) -> HttpResponse:
        return self.render(
            status=status,
            editor=editor,
            refusal=refusal,
            has_own=bool(own_rules(self.place)),
            in_force=self.in_force(),
            fallback=self._without_own(),
            last_run=self._last_run(),
        )

    def _save(self, editor: RuleEditor, *, runs_now: bool) -> HttpResponse:
        set_rules(place=self.place, rules=editor.rules, now=self.now, by=self.by)
        text = "The rules were saved."
        if runs_now:
            request_run(place=self.place, now=self.now, by=self.by)
            text = "The rules were saved, and will be applied in the background in a moment."
        return self.changed(text, "retention")

    def refused(self, error: Refusal) -> HttpResponse:
        editor = RuleEditor.sent(self.request.POST)
        return self._edit(editor, status=FORM_REFUSED, refusal=reason_of(error))

    def _without_own(self) -> RuleSet:
        """What holds when the place has no rules."""
        raise NotImplementedError

    def _last_run(self) -> RetentionRun | None:
        return None


class RetentionRunNow(RetentionPlace):
    """What the rules in force would remove, then the request to do it."""

    template = "ui/rules/retention_run.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self._confirm(request)

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        request_run(place=self.place, now=self.now, by=self.by)
        return self.changed("The rules will be applied in the background in a moment.", "retention")

    def refused(self, error: Refusal) -> HttpResponse:
        return self._confirm(self.request, status=FORM_REFUSED, refusal=reason_of(error))

    def _confirm(
        self, request: HttpRequest, *, status: int = HTTPStatus.OK, refusal: str = ""
    ) -> HttpResponse:
        in_force = self.in_force()
        return self.render(
            status=status,
            crumb="Apply the rules now",
            in_force=in_force,
            refusal=refusal,
            preview=self.preview(in_force.rules, request.GET),
        )


class NamespaceRetentionPlace(RetentionPlace, NamespaceTagRules):
    section = "retention"

    def in_force(self) -> RuleSet:
        return namespace_rules(self.namespace)

    def shown_repository(self, name: str, step: str) -> Repository | None:
        """The one that was asked for, the next after it, or the first."""
        theirs = Repository.objects.filter(namespace=self.namespace).order_by("path")
        path = name if "/" in name else f"{self.namespace.name}/{name}"
        if not name or not path.isascii() or "\x00" in path:
            return theirs.first()
        if step == "other":
            return theirs.filter(path__gt=path).first() or theirs.first()
        return theirs.filter(path__gte=path).first() or theirs.first()

    def suggested(self) -> Sequence[str]:
        theirs = Repository.objects.filter(namespace=self.namespace).order_by("path")
        return list(theirs.values_list("path", flat=True)[:NAMED])


class RepositoryRetentionPlace(RetentionPlace, RepositoryRules):
    section = "repository_retention"

    def in_force(self) -> RuleSet:
        return rules_of(self.repository)

    def shown_repository(self, name: str, step: str) -> Repository | None:
        return self.repository


class NamespaceRetention(RetentionEditor, NamespaceRetentionPlace):
    def _without_own(self) -> RuleSet:
        return configured_rules()


class NamespaceRetentionRun(RetentionRunNow, NamespaceRetentionPlace):
    pass


class RepositoryRetention(RetentionEditor, RepositoryRetentionPlace):
    def _without_own(self) -> RuleSet:
        return namespace_rules(self.repository.namespace)

    def _last_run(self) -> RetentionRun | None:
        return RetentionRun.objects.filter(repository=self.repository).first()


class RepositoryRetentionRun(RetentionRunNow, RepositoryRetentionPlace):
    pass
