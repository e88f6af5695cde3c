"""What every administration page of ours does: audit, bump the access epoch, explain refusals."""

# ruff: noqa: TID251 - administration pages speak HTTP and know what time it is

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from accounts.audit.services import Actor
from accounts.errors import AccountError
from accounts.origin import address_of
from accounts.users.services import bump_access_epoch


def actor_of(request: HttpRequest) -> Actor:
    return Actor(request.user.get_username(), address=address_of(request.META))


def clean_with(check: Callable[[str], str], value: str) -> str:
    """Let a form show under its field what ``check`` has against ``value``."""
    try:
        return check(value)
    except AccountError as error:
        raise forms.ValidationError(str(error)) from error


class AuditedAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not subscriptable when it runs
    """Pages whose every change is audited and makes remembered decisions void."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.note(request, "change" if change else "create", obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for obj in formset.new_objects:
            self.note(request, "create", obj)
        for obj, _fields in formset.changed_objects:
            self.note(request, "change", obj)
        for obj in formset.deleted_objects:
            self.note(request, "delete", obj)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self.note(request, "delete", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def note(self, request: HttpRequest, verb: str, obj: Model) -> None:
        kind = obj._meta.verbose_name_raw.replace(" ", "-")
        actor_of(request).did(
            f"{kind}.{verb}", str(obj), now=timezone.now(), place=_place(obj), via="admin"
        )
        bump_access_epoch()

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._explained(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._explained(request, super().delete_view, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._explained(request, super().changelist_view, *args, **kwargs)

    def _explained(
        self, request: HttpRequest, view: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Nothing is changed when a service refuses; the page says why."""
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except AccountError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not subscriptable when it runs
    """Pages that show rows and change nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _place(obj: Model) -> str:
    """The repository or the namespace that a row belongs to; empty for none."""
    if path := getattr(obj, "path", ""):
        return str(path)
    places = (getattr(obj, name, None) for name in ("repository", "organization", "namespace"))
    if place := next((place for place in places if place is not None), None):
        return str(place)
    if (team := getattr(obj, "team", None)) is not None:
        return _place(team)
    return str(getattr(obj, "user", None) or "")


def for_each(
    model_admin: AuditedAdmin,
    request: HttpRequest,
    rows: Iterable[Any],
    change: Callable[..., None],
    *,
    argument: str,
) -> HttpResponse | None:
    """Call the service ``change`` for each of the chosen rows."""
    for row in rows:
        change(**{argument: row}, now=timezone.now(), by=actor_of(request))
    model_admin.message_user(request, "Done.", messages.SUCCESS)
    return None
