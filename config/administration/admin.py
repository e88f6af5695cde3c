"""Every setting in the administration: its value, where that comes from, and changing some."""

from typing import Any

import yaml
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts.users.administration import ReadOnlyAdmin, actor_of
from config.administration.models import Setting
from config.administration.runtime import SettingRefused, change_setting, reset_setting
from config.administration.shown import rows
from config.keys.configuration import Configuration


class SettingForm(forms.Form):
    """One value, written as it would be in ``config.yaml``."""

    value = forms.CharField(
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80, "spellcheck": "false"}),
        required=False,
    )

    def __init__(self, key: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = key

    def clean_value(self) -> Any:
        text = self.cleaned_data["value"]
        default = Configuration.model_fields[self._key].get_default(call_default_factory=True)
        if isinstance(default, str):
            return text.strip()
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise forms.ValidationError("This is not YAML.") from error


@admin.register(Setting)
class SettingAdmin(ReadOnlyAdmin):
    """All keys on one page; a page for each that can be changed."""

    def get_urls(self) -> list[Any]:
        change = self.admin_site.admin_view(self.change_page)
        return [
            path("<str:key>/", change, name="config_setting_value"),
            *super().get_urls()[:1],
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, "list", "Settings", rows=list(rows()))

    def change_page(self, request: HttpRequest, key: str) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        row = next((row for row in rows() if row.key == key), None)
        if row is None:
            raise Http404
        if request.method != "POST":
            form = SettingForm(key, initial={"value": row.value})
            return self._page(request, "value", key, row=row, form=form)
        if "reset" in request.POST:
            reset_setting(key=key, now=timezone.now(), by=actor_of(request))
            return self._done(request, f"{key} has its default again.")
        form = SettingForm(key, request.POST)
        if form.is_valid():
            try:
                value = form.cleaned_data["value"]
                change_setting(key=key, value=value, now=timezone.now(), by=actor_of(request))
            except SettingRefused as error:
                form.add_error("value", str(error))
            else:
                return self._done(request, f"{key} was changed, everywhere within seconds.")
        return self._page(request, "value", key, row=row, form=form)

    def _page(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        shown = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(
            request, f"admin/config/setting/{template}.html", {**shown, **context}
        )

    def _done(self, request: HttpRequest, text: str) -> HttpResponse:
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:config_setting_changelist"))
