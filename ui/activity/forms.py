"""The filter above a log."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms

from accounts.audit.models import AuditEventQuerySet
from ui.activity.words import choices
from ui.forms import PageForm

_DAY = timedelta(days=1)


class DateInput(forms.DateInput):
    input_type = "date"


def _choices() -> list[tuple[str, Any]]:
    return [("", "Anything"), *choices()]


class FilterForm(PageForm):
    """Every field may be empty; days are those of UTC."""

    actor = forms.CharField(max_length=255, required=False, label="Who")
    action = forms.ChoiceField(required=False, label="What", choices=_choices)
    since = forms.DateField(required=False, label="From", widget=DateInput(format="%Y-%m-%d"))
    until = forms.DateField(required=False, label="To", widget=DateInput(format="%Y-%m-%d"))

    def narrow(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        """The events that the form asks for; what is filled in wrongly narrows nothing."""
        self.is_valid()
        given = self.cleaned_data
        since, until = given.get("since"), given.get("until")
        return events.narrowed(
            actor=given.get("actor", "").strip(),
            action=given.get("action", ""),
            since=_midnight(since) if since else None,
            until=_midnight(until + _DAY) if until and until < date.max else None,
        )


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC)
