"""What happened in a repository or in a namespace, and how much.

Whoever may pull sees how much is pulled and kept. The log of a repository is for those who may
push, with addresses for its administrators alone; that of a namespace is for its administrators.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.audit.models import AuditEvent, AuditEventQuerySet
from registry.statistics.reads import (
    Traffic,
    pulls_by_day,
    pulls_of_namespace,
    storage_by_day,
    stored_bytes,
)
from ui.activity.export import as_file
from ui.activity.feed import KINDS, actions_of, feed
from ui.activity.words import choices
from ui.forms import PageForm
from ui.pages import NamespacePage, Page, RepositoryPage
from ui.paging import page_of

PERIODS = (30, 90, 365)  # days
EXPORTS = ("csv", "jsonl")
_DAY = timedelta(days=1)
_ORDER = ("-at", "-id")
_MAX_FILTERS_LENGTH = 300
_FILTERS = ("actor", "kind", "action", "since", "until")


def charts(
    request: HttpRequest, traffic: Traffic, storage: Sequence[tuple[date, int]], stored: int
) -> dict[str, Any]:
    return {
        "periods": PERIODS,
        "period": period_of(request),
        "traffic": traffic,
        "storage": storage,
        "storage_rows": storage[::-1],
        "stored": stored,
    }


def log(request: HttpRequest, events: AuditEventQuerySet) -> dict[str, Any]:
    form = FilterForm(request.GET)
    page = page_of(request, form.narrow(events), order=_ORDER)
    filters = _narrowed_by(request)
    return {
        "form": form,
        "page": page,
        "lines": feed(page.rows),
        "is_narrowed": bool(filters),
        "export_query": f"?{filters}" if filters else "",
    }


def _narrowed_by(request: HttpRequest) -> str:
    """What the log is narrowed by, as a query; empty for nothing."""
    filters = {name: [text for text in request.GET.getlist(name) if text] for name in _FILTERS}
    return urlencode({name: texts for name, texts in filters.items() if texts}, doseq=True)


def period_of(request: HttpRequest) -> int:
    text = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == text), PERIODS[0])


class RepositoryActivity(RepositoryPage):
    template = "ui/activity/repository.html"
    tab = "activity"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        days = period_of(request)
        traffic = pulls_by_day([self.repository], days=days, now=self.now)[self.repository.id]
        storage = storage_by_day(self.repository, days=days, now=self.now)
        shown = charts(request, traffic, storage, stored_bytes(self.repository))
        if "push" in self.given_rights:
            shown |= log(request, self.events())
            if "*" in self.rights:
                self.suggest(shown["form"], "actor", "account")
        return self.render(
            kind=self.repository.kind,
            export="ui:repository_activity_export",
            shows_log="push" in self.given_rights,
            shows_addresses="*" in self.rights,
            **shown,
        )

    def events(self) -> AuditEventQuerySet:
        events: AuditEventQuerySet = AuditEvent.objects.about_repository(
            self.repository.path, since=self.repository.created_at
        )
        return events


class RepositoryExport(RepositoryActivity):
    actions = {"GET": "push"}
    of_content = False

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        return export(self, self.events(), self.repository.path, with_addresses="*" in self.rights)


class NamespaceActivity(NamespacePage):
    template = "ui/activity/namespace.html"
    standing = {"GET": "administrator"}
    tab = "activity"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        days = period_of(request)
        traffic = pulls_of_namespace(self.namespace, days=days, now=self.now)
        storage = storage_by_day(self.namespace, days=days, now=self.now)
        shown = log(request, self.events())
        self.suggest(shown["form"], "actor", "account")
        return self.render(
            export="ui:namespace_activity_export",
            shows_log=True,
            shows_addresses=True,
            **charts(request, traffic, storage, self._stored(storage)),
            **shown,
        )

    def _stored(self, storage: Sequence[tuple[date, int]]) -> int:
        """As it was surveyed: to count a great namespace anew would take too long for a page."""
        return storage[-1][1] if storage else stored_bytes(self.namespace)

    def events(self) -> AuditEventQuerySet:
        events: AuditEventQuerySet = AuditEvent.objects.about_namespace(
            self.namespace.name, since=self.namespace.created_at
        )
        return events


class NamespaceExport(NamespaceActivity):
    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        return export(self, self.events(), self.namespace.name, with_addresses=True)


def export(
    page: Page, events: AuditEventQuerySet, place: str, *, with_addresses: bool
) -> HttpResponseBase:
    form = page.kwargs["form"]
    if form not in EXPORTS:
        raise Http404
    name = f"{place.replace('/', '-')}-activity"
    matches = FilterForm(page.request.GET).narrow(events)
    narrowed_by = _narrowed_by(page.request)[:_MAX_FILTERS_LENGTH]
    page.by.did("log.export", place, now=page.now, form=form, narrowed_by=narrowed_by)
    return as_file(matches, form=form, name=name, with_addresses=with_addresses)


class DateInput(forms.DateInput):
    input_type = "date"


def _choices() -> list[tuple[str, Any]]:
    return [("", "Anything"), *choices()]


class FilterForm(PageForm):
    """Every field may be empty; days are those of UTC."""

    actor = forms.CharField(max_length=255, required=False, label="Who")
    kind = forms.MultipleChoiceField(
        required=False, label="What", choices=KINDS, widget=forms.CheckboxSelectMultiple
    )
    action = forms.ChoiceField(required=False, label="Exactly", choices=_choices)
    since = forms.DateField(required=False, label="From", widget=DateInput(format="%Y-%m-%d"))
    until = forms.DateField(required=False, label="To", widget=DateInput(format="%Y-%m-%d"))

    def narrow(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        """The events that the form asks for; what is filled in wrongly narrows nothing."""
        self.is_valid()
        data = self.cleaned_data
        if kinds := data.get("kind"):
            events = events.filter(action__in=actions_of(kinds))
        since, until = data.get("since"), data.get("until")
        return events.narrowed(
            actor=data.get("actor", "").strip(),
            action=data.get("action", ""),
            since=_midnight(since) if since else None,
            until=_midnight(until + _DAY) if until and until < date.max else None,
        )


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC)
