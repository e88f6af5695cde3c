"""Forms in the look of the pages, the small files that people send with them, and forms that are
taken once: what they make shows a secret, and a reload would make another."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from django import forms
from django.core.cache import cache
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, QueryDict

from artifacts.refusals import Refusal

ONCE: Final = "once"  # the field by which a form is known again; one without it is always taken
_REMEMBERED_SECONDS: Final = 24 * 60 * 60
MAX_FILE_BYTES: Final = 64 * 1024  # such as a public key
Names = Sequence[tuple[str, str]]  # each with what it is

_CLASS_OF = (
    (forms.CheckboxInput, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.HiddenInput, ""),
    (forms.Widget, "form-control"),
)


class PageForm(forms.Form):
    """A form whose widgets carry the classes of our style sheet.

    ``refusable`` is the field that a refusal is about when the form itself found nothing wrong.
    """

    refusable: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.shape()
        for bound in self:
            dress(bound)

    def shape(self) -> None:
        """Take out fields, or change them, before anything in them is looked at."""

    def field_of(self, error: Exception) -> str | None:
        """The field that a refusal is about; none where it is about the whole."""
        return self.refusable or None


class NameInput(forms.TextInput):
    """For a name, which no browser is to correct, nor to fill in with another."""

    def __init__(self) -> None:
        super().__init__({"autocomplete": "off", "spellcheck": "false"})


def dress(bound: forms.BoundField) -> None:
    """Give a field's widget its class, and mark it when what was sent in it is wrong."""
    widget = bound.field.widget
    kind = next(name for cls, name in _CLASS_OF if isinstance(widget, cls))
    invalid = "b-invalid" if kind and bound.errors else ""
    classes = widget.attrs.get("class", "")
    widget.attrs["class"] = " ".join(dict.fromkeys(f"{classes} {kind} {invalid}".split()))


def typed(values: QueryDict, name: str, *, most: int) -> str:
    """What a person typed into a filter, without blanks around it, and without NUL, about which
    no database can be asked."""
    return values.get(name, "").replace("\x00", "").strip()[:most]


def pick(form: forms.Form, name: str, *, url: str, known: Names, kind: str = "") -> None:
    """Let a field suggest what it may hold: ``known`` at once, and what fits while one types.

    Args:
        url: answers with options; see ``ui.search.picker``.
        kind: of what is suggested; where empty, the field ``holder`` of the form says it.
    """
    field = form.fields[name]
    field.widget.attrs |= {
        "list": f"picks-{name}",
        "autocomplete": "off",
        "hx-get": f"{url}?{urlencode({'field': name, 'of': kind})}",
        "hx-trigger": "input changed delay:200ms",
        "hx-target": f"#picks-{name}",
        "hx-sync": "this:replace",
        **({} if kind else {"hx-include": "[name=holder]"}),
    }
    field.picks = known  # type: ignore[attr-defined]  # for ui/parts/field.html


class SmallFiles(FileUploadHandler):
    """Keeps the beginning of each file and lets the rest pass, so that nobody can fill memory or
    disk with a form. Forms refuse what is longer than they take."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.buffer = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.buffer.write(raw_data[: MAX_FILE_BYTES - self.buffer.tell()])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        size = self.buffer.tell()
        self.buffer.seek(0)
        return InMemoryUploadedFile(
            self.buffer,
            self.field_name,
            self.file_name,
            self.content_type,
            size,
            self.charset,
            self.content_type_extra,
        )


class TakenAlready(Refusal):
    """The form was sent before, and what it asked for was done."""

    def __init__(self) -> None:
        super().__init__(
            "this form was sent already, and nothing was done a second time; what is shown once"
            " cannot be shown again"
        )


def new_mark() -> str:
    return secrets.token_urlsafe(18)


@contextmanager
def taking(request: HttpRequest) -> Iterator[None]:
    """Take the form that was sent, unless it fails. Raises ``TakenAlready``."""
    mark = request.POST.get(ONCE, "") if request.method == "POST" else ""
    if not mark:
        yield
        return
    key = f"once:{sha256(f'{request.user.pk}:{mark}'.encode()).hexdigest()}"
    if not cache.add(key, 1, _REMEMBERED_SECONDS):
        raise TakenAlready
    try:
        yield
    except BaseException:
        cache.delete(key)
        raise
