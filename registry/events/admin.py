"""Hooks and deliveries in the administration; those of the registry are made here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.services import SYSTEM
from accounts.errors import AccountError
from accounts.users.administration import AuditedAdmin, actor_of
from registry.events.formats.catalogue import FORMATS
from registry.events.kinds import TITLES
from registry.events.models import Delivery, Hook
from registry.events.services import (
    HookTerms,
    check_terms,
    create_hook,
    pause_hook,
    remove_hook,
    resume_hook,
    send_again,
    send_test,
)

# A mail or a notice of all that happens is for nobody.
_OFFERED = {name: one for name, one in FORMATS.items() if name not in ("bell", "template")}


class HookForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    format = forms.ChoiceField(choices=[(name, one.title) for name, one in _OFFERED.items()])
    events = forms.MultipleChoiceField(
        choices=[(str(kind), title) for kind, title in TITLES.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    room = forms.CharField(max_length=255, required=False, help_text="Of Matrix: !id:example.com")
    secret = forms.CharField(
        max_length=256,
        required=False,
        help_text="It proves where calls come from. It is not shown again.",
    )
    authorization = forms.CharField(
        max_length=2000,
        required=False,
        help_text="The header Authorization as the receiver wants it. It is not shown again.",
    )

    class Meta:
        model = Hook
        fields = ["title", "format", "url", "events", "pattern", "syntax"]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            try:
                check_terms(self.terms, None, SYSTEM, has_headers=bool(data["authorization"]))
            except AccountError as error:
                raise forms.ValidationError(str(error)) from error
        return data

    @property
    def terms(self) -> HookTerms:
        data = self.cleaned_data
        return HookTerms(
            format=data["format"],
            events=data["events"],
            url=data["url"],
            title=data["title"],
            pattern=data["pattern"],
            syntax=data["syntax"],
            options={"room": data["room"]} if data["room"] else {},
        )


@admin.register(Hook)
class HookAdmin(AuditedAdmin):
    """What is added here is told of everything in the registry."""

    form = HookForm
    list_display = ["__str__", "place", "format", "state", "failures", "created_by", "created_at"]
    list_filter = ["state", "format"]
    list_select_related = ["namespace", "repository"]
    search_fields = ["title", "url", "namespace__name", "repository__path"]
    ordering = ["-pk"]
    actions = ["test", "pause", "resume"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Hook, form: Any, change: bool) -> None:  # type: ignore[override]
        authorization = form.cleaned_data["authorization"]
        made = create_hook(
            place=None,
            terms=form.terms,
            secret=form.cleaned_data["secret"],
            headers={"Authorization": authorization} if authorization else None,
            now=timezone.now(),
            by=actor_of(request),
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Hook) -> None:  # type: ignore[override]
        remove_hook(hook=obj, now=timezone.now(), by=actor_of(request))

    @admin.action(description="Send a test", permissions=["view"])
    def test(self, request: HttpRequest, queryset: QuerySet[Hook]) -> None:
        for hook in queryset.select_related("namespace", "repository"):
            send_test(hook=hook, now=timezone.now(), by=actor_of(request))

    @admin.action(description="Pause", permissions=["delete"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Hook]) -> None:
        for hook in queryset.select_related("namespace", "repository"):
            pause_hook(hook=hook, now=timezone.now(), by=actor_of(request))

    @admin.action(description="Begin anew, and forget failures", permissions=["delete"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Hook]) -> None:
        for hook in queryset.select_related("namespace", "repository"):
            resume_hook(hook=hook, now=timezone.now(), by=actor_of(request))


@admin.register(Delivery)
class DeliveryAdmin(AuditedAdmin):
    list_display = ["kind", "hook", "state", "tries", "status", "lasted_ms", "next_at", "error"]
    list_filter = ["state", "hook__format"]
    list_select_related = ["hook", "event"]
    search_fields = ["event__uuid", "hook__title", "hook__url"]
    ordering = ["-pk"]
    actions = ["again"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="event")
    def kind(self, delivery: Delivery) -> str:
        return delivery.event.type

    @admin.action(description="Send again", permissions=["view"])
    def again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset.select_related("hook"):
            send_again(deliveries=[delivery.pk], hook=delivery.hook, now=timezone.now())
