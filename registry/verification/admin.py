"""Keys, verdicts and counted pulls in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts.names import check_name
from accounts.users.administration import AuditedAdmin, ReadOnlyAdmin, actor_of, clean_with
from artifacts.signatures.keys import KeyRefused, VerifyingKey
from registry.verification import services
from registry.verification.models import PublicKey, UnsignedPulls, Verdict


class NewKeyForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    class Meta:
        model = PublicKey
        fields = ["namespace", "name", "pem"]

    def clean_name(self) -> str:
        return clean_with(check_name, self.cleaned_data["name"])

    def clean_pem(self) -> str:
        try:
            return VerifyingKey.parse(self.cleaned_data["pem"]).pem
        except KeyRefused as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(PublicKey)
class PublicKeyAdmin(AuditedAdmin):
    """Keys are added and removed; a key that changes is another key."""

    form = NewKeyForm
    list_display = ["name", "namespace", "algorithm", "fingerprint", "created_at", "added_by"]
    list_select_related = ["namespace"]
    search_fields = ["name", "namespace__name", "fingerprint"]
    ordering = ["namespace__name", "name"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ["namespace", "name", "algorithm", "fingerprint", "pem", "created_at", "added_by"]
        return shown if obj else ["namespace", "name", "pem"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        added = services.register_key(
            namespace=obj.namespace,
            name=obj.name,
            pem=obj.pem,
            now=timezone.now(),
            by=actor_of(request),
        )
        obj.__dict__.update(added.__dict__)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Verdicts that name the key stay; they only are not valid any more."""
        return [str(key) for key in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.remove_key(key=obj, now=timezone.now(), by=actor_of(request))


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    list_display = ["repository", "subject_digest", "state", "key", "reason", "checked_at"]
    list_select_related = ["repository", "key"]
    list_filter = ["state", "is_signature"]
    search_fields = ["repository__path", "subject_digest"]
    ordering = ["-checked_at", "pk"]


@admin.register(UnsignedPulls)
class UnsignedPullsAdmin(ReadOnlyAdmin):
    list_display = ["repository", "day", "requirement", "count", "last_digest", "last_reason"]
    list_select_related = ["repository"]
    list_filter = ["requirement"]
    search_fields = ["repository__path"]
    ordering = ["-day", "repository__path", "pk"]
