"""The keys whose signatures count in a namespace."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse

from accounts.errors import NameRefused
from artifacts.signatures.keys import MAX_PEM_BYTES
from registry.verification.forecast import losses
from registry.verification.models import PublicKey, Verdict
from registry.verification.services import MAX_KEYS, KeyNameTaken, register_key, remove_key
from ui.commands.address import Registry
from ui.commands.cosign import MAKE_KEYS, sign, verify
from ui.forms import PageForm
from ui.rules.places import NamespaceRules

NAMED = 50


class KeyForm(PageForm):
    name = forms.CharField(
        max_length=100, help_text="Such as release. It is shown with each verdict."
    )
    pem = forms.CharField(
        label="Public key",
        required=False,
        widget=forms.Textarea({"rows": 5, "spellcheck": "false", "class": "b-mono"}),
        help_text="The text of the file cosign.pub, which begins with -----BEGIN PUBLIC KEY-----",
    )
    file = forms.FileField(label="Or its file", required=False)

    def clean_file(self) -> str:
        """The file's text. One that is too long for a key is not read to its end."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        return str(file.read(MAX_PEM_BYTES + 1).decode("ascii", "replace")) if file else ""

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            return data
        if data["pem"].strip() and data["file"]:
            self.add_error("file", "Paste the key or choose its file, not both.")
        elif not data["pem"].strip() and not data["file"]:
            self.add_error("pem", "Paste the public key, or choose its file.")
        return data

    @property
    def text(self) -> str:
        return str(self.cleaned_data["pem"] or self.cleaned_data["file"])

    def field_of(self, error: Exception) -> str:
        if isinstance(error, KeyNameTaken | NameRefused):
            return "name"
        return "file" if self.cleaned_data["file"] else "pem"


class KeysPage(NamespaceRules):
    template = "ui/rules/keys.html"
    tab = "keys"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self.answer(KeyForm())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self.filled(KeyForm(request.POST, request.FILES))
        key = register_key(
            namespace=self.namespace,
            name=form.cleaned_data["name"],
            pem=form.text,
            now=self.now,
            by=self.by,
        )
        return self.changed(
            f"Signatures by the key {key.name} now count. Those that are here already are checked"
            " again in the background.",
            "keys",
        )

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        keys = list(PublicKey.objects.filter(namespace=self.namespace).order_by("name"))
        counts = _verdicts_by(keys)
        registry = Registry.of(self.request)
        image = f"{registry.host}/{self.namespace.name}/NAME@sha256:DIGEST"
        return self.render(
            form=form,
            keys=[(key, counts.get(key.pk, 0)) for key in keys],
            max_keys=MAX_KEYS,
            cosign_lines=[MAKE_KEYS, sign(registry, image), verify(registry, image)],
            **options,
        )


class KeyRemoval(NamespaceRules):
    """What stops being valid without a key; then its removal."""

    template = "ui/rules/key_remove.html"
    tab = "keys"

    def get(self, request: HttpRequest, key: int, **kwargs: str) -> HttpResponse:
        row = self._key(key)
        lost = losses(key=row, size=NAMED + 1)
        return self.render(
            key=row,
            verdicts=_verdicts_by([row]).get(row.pk, 0),
            lost=lost[:NAMED],
            has_more_lost=len(lost) > NAMED,
            crumb="Remove a key",
        )

    def post(self, request: HttpRequest, key: int, **kwargs: str) -> HttpResponse:
        row = self._key(key)
        remove_key(key=row, now=self.now, by=self.by)
        return self.changed(f"Signatures by the key {row.name} do not count any more.", "keys")

    def _key(self, pk: int) -> PublicKey:
        keys = PublicKey.objects.select_related("namespace")
        row = keys.filter(namespace=self.namespace, pk=pk).first()
        if row is None:
            raise Http404
        return row


def _verdicts_by(keys: list[PublicKey]) -> Mapping[int, int]:
    """How many verdicts name each key."""
    counted = (
        Verdict.objects.filter(key__in=keys).order_by().values_list("key").annotate(Count("pk"))
    )
    return dict(counted)
