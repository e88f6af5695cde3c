"""A setting's control: a switch for what is on or off, a number with its unit, a list by lines."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Le
from django import forms
from pydantic.fields import FieldInfo

from config.keys.configuration import Configuration
from config.keys.values import Lifetime, Size

# Behind the number of a key, for a person.
UNITS: Final[Mapping[str, str]] = {
    "V2_PAGINATION_SIZE": "entries",
    "TOKEN_LIFETIME_SECONDS": "seconds",
    "MAXIMUM_CONCURRENT_UPLOADS": "uploads",
    "MAXIMUM_CONCURRENT_DOWNLOADS": "downloads",
    "MAXIMUM_WAITING_REQUESTS": "requests",
    "SHARE_PER_CLIENT": "percent",
    "SHARE_PER_STRANGER": "percent",
    "MINIMUM_TRANSFER_RATE": "bytes per second",
    "MAXIMUM_TRANSFER_SECONDS": "seconds",
    "BLOBUPLOAD_DELETION_DATE_THRESHOLD": "minutes",
    "PUSH_TEMP_TAG_EXPIRATION_SEC": "seconds",
    "SIGNING_GRACE_SECONDS": "seconds",
    "AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES": "minutes",
    "AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD": "seconds",
}
_LIFETIME: Final = Lifetime.__metadata__[0]  # type: ignore[attr-defined] # of an Annotated
_SIZE: Final = Size.__metadata__[0]  # type: ignore[attr-defined] # of an Annotated
_PERIODS: Final = (
    ("s", "seconds"),
    ("m", "minutes"),
    ("h", "hours"),
    ("d", "days"),
    ("w", "weeks"),
    ("y", "years"),
)
_SIZES: Final = (("M", "MiB"), ("G", "GiB"))
_AMOUNT: Final = re.compile(r"([0-9]+)([A-Za-z]?)")
_MAX_LENGTH: Final = 20_000
_ON: Final = (("true", "On"), ("false", "Off"))


class AmountWidget(forms.MultiWidget):
    """A number, and a unit to choose beside it."""

    use_fieldset = False  # each part has its own label

    def __init__(self, units: Sequence[tuple[str, str]], label: str) -> None:
        self._first = units[0][0]
        number = forms.NumberInput(attrs={"min": 0, "aria-label": f"{label}, how many"})
        unit = forms.Select(choices=units, attrs={"aria-label": f"{label}, unit"})
        super().__init__({"number": number, "unit": unit})

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0"

    def decompress(self, value: str | None) -> list[str]:
        match = _AMOUNT.fullmatch(value or "")
        return [match[1], match[2] or self._first] if match else ["", self._first]


class AmountField(forms.MultiValueField):
    """``2w`` or ``20G``, from a number and a unit."""

    def __init__(self, units: Sequence[tuple[str, str]], label: str) -> None:
        fields = (forms.IntegerField(min_value=0), forms.ChoiceField(choices=units))
        super().__init__(fields, widget=AmountWidget(units, label), label=label)

    def compress(self, data_list: list[Any]) -> str:
        return f"{data_list[0]}{data_list[1]}" if data_list else ""


class LinesField(forms.CharField):
    """A list, an entry in each line."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value


class SwitchField(forms.ChoiceField):
    widget = forms.RadioSelect

    def to_python(self, value: Any) -> Any:
        return {"true": True, "false": False}.get(str(value))

    def valid_value(self, value: Any) -> bool:
        return True

    def validate(self, value: Any) -> None:
        if value is None and self.required:
            raise forms.ValidationError("Choose one.")

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false", None: ""}.get(value, value)


class YamlField(forms.CharField):
    """Anything else, as it would stand in ``config.yaml``."""

    widget = forms.Textarea(attrs={"rows": 8, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        try:
            return yaml.safe_load(str(value or ""))
        except yaml.YAMLError as error:
            raise forms.ValidationError("This is not YAML.") from error


def control_of(key: str) -> forms.Field:
    """The form's field for a key; what it cleans is what the configuration takes."""
    info = Configuration.model_fields[key]
    fitting = (make(key, info) for make in (_amount, _switch, _number, _choice, _text))
    return next(
        (field for field in fitting if field is not None),
        YamlField(label=key, required=False, max_length=_MAX_LENGTH),
    )


def _amount(key: str, info: FieldInfo) -> forms.Field | None:
    if _LIFETIME in info.metadata:
        return AmountField(_PERIODS, key)
    return AmountField(_SIZES, key) if _SIZE in info.metadata else None


def _switch(key: str, info: FieldInfo) -> forms.Field | None:
    kind, may_be_empty = _kind(info.annotation)
    if kind is not bool:
        return None
    choices = [*_ON, ("", "Not set")] if may_be_empty else [*_ON]
    return SwitchField(choices=choices, label=key, required=not may_be_empty)


def _number(key: str, info: FieldInfo) -> forms.Field | None:
    if info.annotation is not int:
        return None
    bounds = {type(bound): bound for bound in info.metadata}
    least, most = bounds.get(Ge), bounds.get(Le)
    return forms.IntegerField(
        label=key, min_value=getattr(least, "ge", None), max_value=getattr(most, "le", None)
    )


def _choice(key: str, info: FieldInfo) -> forms.Field | None:
    kind = info.annotation
    names = get_args(kind) if get_origin(kind) is Literal else ()
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        names = tuple(str(one) for one in kind)
    return forms.ChoiceField(label=key, choices=[(one, one) for one in names]) if names else None


def _text(key: str, info: FieldInfo) -> forms.Field | None:
    if get_origin(info.annotation) is list:
        return LinesField(label=key, required=False, max_length=_MAX_LENGTH)
    if info.annotation is str:
        return forms.CharField(label=key, required=False, max_length=_MAX_LENGTH)
    return None


def is_yaml(control: forms.Field) -> bool:
    return isinstance(control, YamlField)


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The type, and whether it may be ``None`` instead; unions of more stay as they are."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return (kinds[0], True) if len(kinds) == 1 else (annotation, True)
