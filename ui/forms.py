"""Forms in the look of the pages, and the small files that people send with them."""

from io import BytesIO
from typing import Any, ClassVar, Final

from django import forms
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

MAX_FILE_BYTES: Final = 64 * 1024  # such as a public key

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


def dress(bound: forms.BoundField) -> None:
    """Give a field's widget its class, and mark it when what was sent in it is wrong."""
    widget = bound.field.widget
    kind = next(name for cls, name in _CLASS_OF if isinstance(widget, cls))
    invalid = "b-invalid" if kind and bound.errors else ""
    given = widget.attrs.get("class", "")
    widget.attrs["class"] = " ".join(dict.fromkeys(f"{given} {kind} {invalid}".split()))


class SmallFiles(FileUploadHandler):
    """Keeps the beginning of each file and lets the rest pass, so that nobody can fill memory or
    disk with a form. Forms refuse what is longer than they take."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.kept.write(raw_data[: MAX_FILE_BYTES - self.kept.tell()])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        size = self.kept.tell()
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept,
            self.field_name,
            self.file_name,
            self.content_type,
            size,
            self.charset,
            self.content_type_extra,
        )
