"""Give a manifest one more tag."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse

from artifacts.oci.names import MAX_TAG_LENGTH, is_tag
from registry.manifests.models import Manifest
from registry.manifests.services import tag_manifest
from registry.tags.models import Tag
from ui.forms import NameInput, PageForm
from ui.pages import FORM_REFUSED
from ui.tags.pages import TagsPage


class NewTagForm(PageForm):
    refusable = "name"

    name = forms.CharField(
        label="New tag",
        max_length=MAX_TAG_LENGTH,
        widget=NameInput(),
        help_text="Letters, digits, underscores, dots and dashes.",
    )
    moves = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_tag(name):
            raise forms.ValidationError(
                "A tag has at most 128 letters, digits, underscores, dots and dashes, and does"
                " not begin with a dot or a dash."
            )
        return name


class AddTagPage(TagsPage):
    """``digest`` names the manifest. A tag that is there already is moved only when asked twice."""

    actions = {"GET": "push", "POST": "push"}
    template = "ui/tags/add.html"

    def get(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        return self.answer(NewTagForm())

    def post(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        form = self.filled(NewTagForm(request.POST))
        name = form.cleaned_data["name"]
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id, name=name)
        there = alive.select_related("manifest").defer("manifest__body").first()
        if there and there.manifest.digest != digest and form.cleaned_data["moves"] != name:
            return self._ask_to_move(there)
        tag_manifest(repository=self.repository, name=name, digest=digest, now=self.now, by=self.by)
        return self.done(
            f"{name} points at {digest[:19]} now.", "ui:tags", repository=self.repository.path
        )

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        present = Manifest.objects.present().filter(repository=self.repository.id)
        manifest = present.filter(digest=self.kwargs["digest"]).defer("body").first()
        if manifest is None:
            raise Http404
        tags = Tag.objects.alive(at=self.now).filter(manifest=manifest).order_by("name")
        names = list(tags.values_list("name", flat=True)[:20])
        return self.render(form=form, manifest=manifest, names=names, **options)

    def _ask_to_move(self, there: Tag) -> HttpResponse:
        form = NewTagForm(initial={"name": there.name, "moves": there.name})
        return self.answer(form, there=there, status=FORM_REFUSED)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Add a tag"}
