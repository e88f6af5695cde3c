"""Artifact policies in the administration. Their rows are below everybody who is audited."""

# ruff: noqa: TID251 - administration pages speak HTTP and know what time it is

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.users.administration import AuditedAdmin
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.rules import Pairs
from artifacts.policy.types_text import TypesInvalid, read_types, write_types

_EXAMPLE = """\
application/vnd.example.config.v1+json:
- application/vnd.example.layer.v1.tar+gzip
- application/vnd.example.layer.v1.tar"""


class ArtifactPolicyForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    types = forms.CharField(
        label="Artifacts",
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 20, "cols": 90, "spellcheck": "false", "placeholder": _EXAMPLE}
        ),
        help_text="Each type of config, or of artifact where the config is empty, with a colon;"
        " below it the types of layers that may go with it, each after a hyphen.",
    )

    class Meta:
        model = ArtifactPolicy
        fields = ["name", "description", "allows_anything", "allows_images"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("types", write_types(self.instance.content().pairs))

    def clean_types(self) -> Pairs:
        try:
            return read_types(self.cleaned_data["types"])
        except TypesInvalid as error:
            raise forms.ValidationError(f"The types {error}.") from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and cleaned["allows_anything"] and cleaned["types"]:
            self.add_error("types", "List no types, or do not allow anything.")
        return cleaned

    def save(self, commit: bool = True) -> Any:
        self.instance.types_json = json.dumps(self.cleaned_data["types"])
        return super().save(commit)


@admin.register(ArtifactPolicy)
class ArtifactPolicyAdmin(AuditedAdmin):
    form = ArtifactPolicyForm
    list_display = ["name", "description", "is_shipped"]
    search_fields = ["name", "description"]
    ordering = ["name"]
    actions = ["copy"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj and obj.preset:
            return ["name", "description", "allowed"]
        return ["name", "description", "allows_anything", "allows_images", "types"]

    @admin.display(boolean=True, description="shipped")
    def is_shipped(self, policy: ArtifactPolicy) -> bool:
        return bool(policy.preset)

    @admin.display(description="allows")
    def allowed(self, policy: ArtifactPolicy) -> str:
        content = policy.content()
        words = ["anything"] * content.allows_anything + [
            "container images"
        ] * content.allows_images
        return "\n".join([*words, write_types(content.pairs)])

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.preset)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.preset)

    @admin.action(description="Copy selected artifact policies", permissions=["add"])
    def copy(self, request: HttpRequest, policies: QuerySet[ArtifactPolicy]) -> None:
        for policy in policies.order_by("name"):
            copy = self._copy_of(policy)
            self.note(request, "create", copy)
            self.message_user(request, f"'{copy}' is a copy to change.", messages.SUCCESS)

    def _copy_of(self, policy: ArtifactPolicy) -> ArtifactPolicy:
        content = policy.content()
        return ArtifactPolicy.objects.create(
            name=_free_name(policy.name),
            description=policy.description,
            allows_anything=content.allows_anything,
            allows_images=content.allows_images,
            types_json=json.dumps(content.pairs),
        )


def _free_name(name: str) -> str:
    """The name of a copy, which no other policy has; there is one among so many."""
    suffixes = [" (copy)", *(f" (copy {n})" for n in range(2, ArtifactPolicy.objects.count() + 3))]
    names = [name[: 100 - len(suffix)] + suffix for suffix in suffixes]
    others = set(ArtifactPolicy.objects.filter(name__in=names).values_list("name", flat=True))
    return next(free for free in names if free not in others)
