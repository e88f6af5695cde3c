"""What a person says of a hook. Which fields there are depends on the format."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms

from accounts.outgoing.addresses import AddressRefused
from artifacts.oci.patterns import MAX_PATTERN_LENGTH, SYNTAXES
from registry.events.formats.catalogue import FORMATS, LOCAL
from registry.events.formats.standards import TemplateRefused
from registry.events.kinds import TITLES, EventType
from registry.events.models import DAYS_BEFORE_EXPIRY, MAX_URL_LENGTH, Hook
from registry.events.secrets import new_secret
from registry.events.services import (
    MAX_TITLE_LENGTH,
    MOST_DAYS,
    HookRefused,
    HookTerms,
    kinds_of,
)
from ui.forms import PageForm

KEEP, MAKE, OWN, NONE = "keep", "make", "own", "none"
_SECRETS: Final = (
    (MAKE, "Make one, and show it once"),
    (OWN, "The receiver gave me one"),
    (NONE, "None: the receiver knows calls by their address"),
)
_PUSHES: Final = (EventType.TAG_PUSHED, EventType.TAG_MOVED)
_CODE: Final = {"spellcheck": "false", "class": "b-mono", "autocomplete": "off"}
_FIELD_OF: Final = {"headers": "authorization", "secret": "own_secret", "target": "target_name"}


class HookForm(PageForm):
    """Args:
    hook: what is changed; none where it is to be made.
    """

    only_of: ClassVar[Mapping[str, frozenset[str]]] = {
        "email": frozenset({"email"}),
        "target_kind": frozenset({"bell"}),
        "target_name": frozenset({"bell"}),
        "room": frozenset({"matrix"}),
        "template": frozenset({"template"}),
    }

    title = forms.CharField(
        label="Name",
        required=False,
        max_length=MAX_TITLE_LENGTH,
        help_text="Such as Deploy to staging.",
    )
    url = forms.CharField(
        label="Address",
        max_length=MAX_URL_LENGTH,
        widget=forms.TextInput({**_CODE, "inputmode": "url"}),
        help_text="Whole, with its query: https://hooks.example.com/deploy?token=…",
    )
    email = forms.EmailField(label="E-mail address", help_text="Of somebody who belongs here.")
    target_kind = forms.ChoiceField(
        label="Who sees the notices",
        choices=[
            ("user", "A person"),
            ("team", "A team"),
            ("org", "Whoever runs the organization"),
        ],
    )
    target_name = forms.CharField(
        label="Their name", max_length=255, widget=forms.TextInput({"spellcheck": "false"})
    )
    room = forms.CharField(
        max_length=255,
        widget=forms.TextInput(_CODE),
        help_text="Such as !id:example.com. Whoever sends must be in it.",
    )
    template = forms.CharField(
        label="Body",
        widget=forms.Textarea({**_CODE, "rows": 8}),
        help_text="JSON with places such as ${docker_url}, ${updated_tags[0]} and ${data.tag}.",
    )
    events = forms.MultipleChoiceField(
        label="Tell it when", choices=(), widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label="Days before a tag expires",
        min_value=1,
        max_value=MOST_DAYS,
        initial=DAYS_BEFORE_EXPIRY,
    )
    pattern = forms.CharField(
        label="Only tags like",
        required=False,
        max_length=MAX_PATTERN_LENGTH,
        widget=forms.TextInput(_CODE),
        help_text="Such as v*. What is about no tag is told all the same.",
    )
    syntax = forms.ChoiceField(label="Pattern is a", choices=SYNTAXES)
    secret = forms.ChoiceField(
        label="Secret that proves where calls come from",
        choices=_SECRETS,
        initial=MAKE,
        widget=forms.RadioSelect,
    )
    own_secret = forms.CharField(
        label="Secret of the receiver",
        required=False,
        max_length=256,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text="From 8 to 256 characters.",
    )
    authorization = forms.CharField(
        label="Header Authorization",
        required=False,
        max_length=2000,
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )
    header_name = forms.CharField(
        label="Name of another header",
        required=False,
        max_length=100,
        widget=forms.TextInput(_CODE),
    )
    header_value = forms.CharField(
        label="Its value",
        required=False,
        max_length=2000,
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )
    drops_headers = forms.BooleanField(label="Send none of the headers it has", required=False)

    def __init__(
        self, format_name: str, data: Any = None, *, hook: Hook | None = None, headers: int = 0
    ) -> None:
        """``headers`` is how many the hook has; none of them is shown."""
        self.format, self.hook, self.headers = format_name, hook, headers
        super().__init__(data, initial=_initial(hook))

    def shape(self) -> None:
        events: Any = self.fields["events"]
        events.choices = [(kind.value, TITLES[kind]) for kind in kinds_of(self.format)]
        if self.hook is not None:
            secret: Any = self.fields["secret"]
            secret.choices = [(KEEP, "As it is"), *_SECRETS]
        for name in self._unwanted():
            del self.fields[name]

    @property
    def terms(self) -> HookTerms:
        data = self.cleaned_data
        return HookTerms(
            format=self.format,
            events=data["events"],
            url=data.get("url", ""),
            title=data["title"],
            pattern=data["pattern"],
            syntax=data["syntax"],
            options=self._options(),
        )

    def chosen_secret(self) -> str | None:
        """``None`` leaves it as it is."""
        match self.cleaned_data.get("secret", KEEP if self.hook else NONE):
            case "make":
                return new_secret()
            case "own":
                return str(self.cleaned_data["own_secret"])
            case "none":
                return ""
        return None

    def chosen_headers(self) -> dict[str, str] | None:
        """``None`` leaves those that it has."""
        data = self.cleaned_data
        headers = {
            "Authorization": data.get("authorization", ""),
            data.get("header_name", ""): data.get("header_value", ""),
        }
        sent = {name: value for name, value in headers.items() if name and value}
        return sent if sent or data.get("drops_headers") or self.hook is None else None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("secret") == OWN and not data.get("own_secret"):
            self.add_error("own_secret", "Write the secret, or choose another answer above.")
        if bool(data.get("header_name")) != bool(data.get("header_value")):
            self.add_error("header_name", "A header has both a name and a value.")
        return data

    def field_of(self, error: Exception) -> str | None:
        match error:
            case AddressRefused():
                name = "url"
            case TemplateRefused():
                name = "template"
            case HookRefused():
                name = _FIELD_OF.get(error.field, error.field)
            case _:
                return None
        return name if name in self.fields else None

    def _unwanted(self) -> set[str]:
        other = {name for name, formats in self.only_of.items() if self.format not in formats}
        if self.format in LOCAL:
            other |= {"url"}
        if is_for_people(self.format):
            other |= {"secret", "own_secret"}
        if is_for_people(self.format) and self.format != "matrix":  # which asks for a token
            other |= {"authorization", "header_name", "header_value"}
        if not self.headers or "authorization" in other:
            other |= {"drops_headers"}
        if EventType.TAG_EXPIRING not in kinds_of(self.format):
            other |= {"days"}
        return other

    def _options(self) -> dict[str, Any]:
        """What another door has noted of the hook stays."""
        data = self.cleaned_data
        options = dict(self.hook.options) if self.hook else {}
        options |= {name: data[name] for name in ("email", "room", "template") if name in data}
        if "target_kind" in data:
            options["target"] = {"kind": data["target_kind"], "name": data["target_name"]}
        if EventType.TAG_EXPIRING in data["events"]:
            options["days"] = data["days"]
        return options


def is_for_people(format_name: str) -> bool:
    """Whether people read it, and no program."""
    return format_name in LOCAL or FORMATS[format_name].is_chat


def _initial(hook: Hook | None) -> dict[str, Any]:
    if hook is None:
        return {"events": [kind.value for kind in _PUSHES], "secret": MAKE}
    target = hook.options.get("target") or {}
    return {
        **{name: getattr(hook, name) for name in ("title", "url", "events", "pattern", "syntax")},
        **{name: hook.options.get(name, "") for name in ("email", "room", "template")},
        "target_kind": target.get("kind"),
        "target_name": target.get("name"),
        "days": hook.days,
        "secret": KEEP,
    }
