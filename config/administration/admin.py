"""Every setting in the administration: its value, where that comes from, and changing some."""

from collections.abc import Iterator
from dataclasses import dataclass
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
from config.administration.runtime import (
    SettingRefused,
    change_setting,
    effective,
    loaded,
    reset_setting,
    stored,
)
from config.keys.configuration import CHANGEABLE, SECRET_KEYS, Configuration
from config.keys.storage_drivers import without_secrets


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


@dataclass(frozen=True, slots=True)
class Row:
    """A key as the page shows it."""

    key: str
    value: str
    origin: str
    is_changeable: bool  # here and now
    description: str
    why: str
    stored: Setting | None
    problem: str


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


def rows() -> Iterator[Row]:
    """Every key of the configuration, and rows that are none of them."""
    base, written = loaded(), {row.key: row for row in stored()}
    found = effective(base, written.values())
    for key, info in Configuration.model_fields.items():
        origin: str = base.origins[key]
        if key in found.from_admin:
            origin = "admin"
        elif origin == "file":
            origin = f"{base.file.path}, line {base.file.line((key,))}"
        yield Row(
            key=key,
            value=_shown(key, getattr(found.configuration, key)),
            origin=origin,
            is_changeable=key in CHANGEABLE and base.origins[key] == "default",
            description=(info.description or "").replace("`", ""),
            why=CHANGEABLE.get(key, ""),
            stored=written.pop(key, None),
            problem=found.problems.get(key, ""),
        )
    for key, row in written.items():
        yield Row(key, row.value_json, "admin", False, "", "", row, found.problems.get(key, ""))


def _shown(key: str, value: Any) -> str:
    """As it would stand in ``config.yaml``; secrets only as that they are set."""
    if key in SECRET_KEYS:
        return "(set, not shown)" if value else ""
    if isinstance(value, str):
        return str(value)
    plain = without_secrets(
        Configuration.model_construct(**{key: value}).model_dump(mode="json")[key]
    )
    text: str = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None)
    return text.removesuffix("...\n").strip()
