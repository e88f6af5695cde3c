"""The settings among the pages about the registry: in groups, each with its own control."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path, reverse

from config.administration.controls import UNITS, control_of, is_yaml
from config.administration.runtime import change_setting, reset_setting
from config.administration.shown import Row, groups, rows
from ui.administration.pages import RegistryPage
from ui.forms import PageForm

_MAX_TEXT_LENGTH = 100


class SettingsPage(RegistryPage):
    template = "ui/administration/settings.html"
    tab = "settings"

    def get(self, request: HttpRequest) -> HttpResponse:
        text = request.GET.get("q", "").strip()[:_MAX_TEXT_LENGTH]
        return self.render(groups=list(groups(text)), text=text)


class SettingForm(PageForm):
    refusable = "value"

    def __init__(self, row: Row, *args: Any, **kwargs: Any) -> None:
        self._row = row
        super().__init__(*args, **kwargs)

    def shape(self) -> None:
        self.fields["value"] = control_of(self._row.key)
        self.fields["value"].help_text = self._row.description


class SettingPage(RegistryPage):
    template = "ui/administration/setting.html"
    tab = "settings"
    row: Row

    def refusal(self) -> HttpResponseBase | None:
        answer = super().refusal()
        setting_row = next((row for row in rows() if row.key == self.kwargs["key"]), None)
        if setting_row is None:
            raise Http404
        self.row, self.crumb = setting_row, setting_row.key
        return answer

    @property
    def back(self) -> str:
        return reverse("ui:system_setting", kwargs={"key": self.row.key})

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        if not self.row.is_changeable:
            return self.render(row=self.row)
        yaml = is_yaml(control_of(key))
        return self.answer(
            SettingForm(self.row, initial={"value": self.row.value if yaml else self.row.held})
        )

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        if "reset" in request.POST:
            reset_setting(key=key, now=self.now, by=self.by)
            return self.done(f"{key} has its default again.", "ui:system_settings")
        if not self.row.is_changeable:
            change_setting(key=key, value=None, now=self.now, by=self.by)  # which says why not
        form = self.filled(SettingForm(self.row, request.POST))
        change_setting(key=key, value=form.cleaned_data["value"], now=self.now, by=self.by)
        return self.done(f"{key} was changed, everywhere within seconds.", "ui:system_settings")

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        key = self.row.key
        return super().answer(
            form, row=self.row, unit=UNITS.get(key, ""), is_yaml=is_yaml(control_of(key)), **options
        )


settings_pages = [
    path("system/settings", SettingsPage.as_view(), name="system_settings"),
    path("system/settings/<slug:key>", SettingPage.as_view(), name="system_setting"),
]
