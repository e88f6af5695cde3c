"""Robots, tokens, throttles and signing keys in the administration. Secrets are never shown."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts.credentials import keys, services
from accounts.credentials.models import AccessToken, LoginThrottle, SigningKey
from accounts.names import check_name
from accounts.users.administration import AuditedAdmin, ReadOnlyAdmin, actor_of, clean_with
from accounts.users.models import Robot
from accounts.users.services import create_robot, delete_robot


class RobotForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    class Meta:
        model = Robot
        fields = ["namespace", "short_name", "description", "is_active"]

    def clean_short_name(self) -> str:
        return clean_with(check_name, self.cleaned_data["short_name"])


@admin.register(Robot)
class RobotAdmin(AuditedAdmin):
    form = RobotForm
    list_display = ["name", "description", "is_active", "created_at"]
    list_select_related = ["namespace"]
    list_filter = ["is_active"]
    search_fields = ["namespace__name", "short_name"]
    autocomplete_fields = ["namespace"]
    ordering = ["namespace__name", "short_name"]
    actions = ["regenerate_tokens"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["namespace", "short_name", "description"]
        return [*fields, "is_active", "created_at"] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["namespace", "short_name", "created_at"] if obj else []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Robot], search_term: str
    ) -> tuple[QuerySet[Robot], bool]:
        """``acme+ci`` finds the robot, although the name is kept in two parts."""
        return super().get_search_results(request, queryset, search_term.replace("+", " "))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        created = create_robot(
            owner=obj.namespace,
            short_name=obj.short_name,
            description=obj.description,
            now=timezone.now(),
            by=actor_of(request),
        )
        obj.__dict__.update(created.__dict__)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        return self._new_tokens(request, [obj])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_robot(robot=obj, now=timezone.now(), by=actor_of(request))

    @admin.action(description="Regenerate the tokens of the selected robots")
    def regenerate_tokens(self, request: HttpRequest, queryset: QuerySet[Robot]) -> Any:
        return self._new_tokens(request, queryset.select_related("namespace"))

    def _new_tokens(self, request: HttpRequest, robots: Iterable[Robot]) -> TemplateResponse:
        """Issue a token for each robot and show them in the answer itself, kept nowhere."""
        now, by = timezone.now(), actor_of(request)
        tokens = [
            (robot.name, services.issue_robot_token(robot=robot, now=now, by=by))
            for robot in robots
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "New tokens",
            "tokens": tokens,
            "back": reverse("admin:users_robot_changelist"),
        }
        return TemplateResponse(request, "credentials/new_token.html", context)


@admin.register(AccessToken)
class AccessTokenAdmin(AuditedAdmin):
    """Tokens can be seen and revoked, not made or changed."""

    list_display = ["title", "user", "robot", "scope", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user", "robot__namespace"]
    list_filter = ["scope"]
    search_fields = ["title", "user__username", "robot__namespace__name", "robot__short_name"]
    ordering = ["-created_at", "pk"]
    fields = ["title", "user", "robot", "scope", "created_at", "expires_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.revoke_token(token=obj, now=timezone.now(), by=actor_of(request))


@admin.register(LoginThrottle)
class LoginThrottleAdmin(AuditedAdmin):
    """Deleting a row lets whoever it slows try again at once."""

    list_display = ["key", "failures", "blocked_until", "updated_at"]
    ordering = ["-updated_at", "key"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    """Keys that sign the tokens of clients: to see, and to replace by a new one."""

    list_display = ["kid", "created_at", "active_from", "retired_at"]
    fields = ["kid", "created_at", "active_from", "retired_at", "public_jwk"]
    ordering = ["-active_from", "pk"]
    change_list_template = "admin/credentials/signingkey/change_list.html"

    def get_urls(self) -> list[Any]:
        rotate = self.admin_site.admin_view(self.rotate_page)
        return [path("rotate/", rotate, name="credentials_signingkey_rotate"), *super().get_urls()]

    def rotate_page(self, request: HttpRequest) -> HttpResponse:
        """Says what will happen, and does it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            kid = keys.rotate(now=timezone.now(), by=actor_of(request))
            self.message_user(request, f"The new signing key is {kid}.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:credentials_signingkey_changelist"))
        context = {**self.admin_site.each_context(request), "title": "Rotate the signing key"}
        return TemplateResponse(
            request,
            "admin/credentials/signingkey/rotate.html",
            {**context, "opts": self.opts, "minutes": _minutes(keys.PUBLISH_BEFORE_SIGNING)},
        )


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)
