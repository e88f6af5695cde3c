"""What everybody is told at the head of each page: written, looked at before, taken back."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse

from registry.announcements.models import Announcement, Severity
from registry.announcements.services import (
    MAX_TEXT_LENGTH,
    announce,
    change_announcement,
    withdraw_announcement,
)
from ui.administration.pages import RegistryPage
from ui.display.prose import prose
from ui.forms import PageForm
from ui.paging import page_of

_BELOW_THE_TITLE = 2


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class AnnouncementForm(PageForm):
    refusable = "text"

    text = forms.CharField(
        max_length=MAX_TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Markdown: links, bold text, lists. Everybody can read it, also who is not"
        " signed in.",
    )
    severity = forms.ChoiceField(label="What it is", choices=Severity.choices)
    starts_at = forms.DateTimeField(
        label="From", required=False, widget=MomentInput(), help_text="UTC. Empty: from now on."
    )
    ends_at = forms.DateTimeField(
        label="Until",
        required=False,
        widget=MomentInput(),
        help_text="UTC. Empty: until it is deleted.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        starts, ends = data.get("starts_at"), data.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", "It must end after it starts.")
        return data


class AnnouncementsPage(RegistryPage):
    template = "ui/administration/announcements.html"
    tab = "announcements"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(AnnouncementForm(initial={"severity": Severity.INFO}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.filled(AnnouncementForm(request.POST))
        if "preview" in request.POST:
            return self.answer(form, shown=_shown(form.cleaned_data))
        announce(**form.cleaned_data, now=self.now, by=self.by)
        return self.done("Everybody is told within seconds.", "ui:system_announcements")

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        page = page_of(self.request, Announcement.objects.all(), order=("-id",))
        rows = [
            {"announcement": row, "html": prose(row.text, top_heading=_BELOW_THE_TITLE)}
            for row in page.rows
        ]
        return super().answer(form, page=page, rows=rows, **options)


class AnnouncementPage(RegistryPage):
    template = "ui/administration/announcement.html"
    tab = "announcements"
    crumb = "Change announcement"

    def get(self, request: HttpRequest, announcement: int) -> HttpResponse:
        row = self._announcement(announcement)
        initial = {name: getattr(row, name) for name in AnnouncementForm.base_fields}
        return self.answer(AnnouncementForm(initial=initial), shown=_shown(initial))

    def post(self, request: HttpRequest, announcement: int) -> HttpResponse:
        row = self._announcement(announcement)
        if "delete" in request.POST:
            withdraw_announcement(announcement=row, now=self.now, by=self.by)
            return self.done("The announcement was deleted.", "ui:system_announcements")
        form = self.filled(AnnouncementForm(request.POST))
        if "preview" in request.POST:
            return self.answer(form, shown=_shown(form.cleaned_data))
        change_announcement(announcement=row, **form.cleaned_data, now=self.now, by=self.by)
        return self.done("The announcement was changed.", "ui:system_announcements")

    def _announcement(self, pk: int) -> Announcement:
        row: Announcement | None = Announcement.objects.filter(pk=pk).first()
        if row is None:
            raise Http404
        return row


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    """As it will stand at the head of every page."""
    html = prose(data["text"], top_heading=_BELOW_THE_TITLE)
    return {"severity": data["severity"], "html": html}
