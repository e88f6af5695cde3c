"""When tags are to expire, as a form asks for it."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings

from artifacts.oci.lifetimes import LifetimeInvalid, parse_lifetime
from registry.tags.services import ExpiryRefused, check_expiry
from ui.forms import PageForm
from ui.pages import reason_of


class ExpiryForm(PageForm):
    until = forms.ChoiceField(
        label="The tags expire",
        choices=[("in", "after a while"), ("at", "at a moment"), ("never", "never")],
        widget=forms.RadioSelect,
        initial="in",
    )
    lifetime = forms.CharField(
        label="After a while",
        required=False,
        max_length=40,
        initial="2w",
        help_text="A whole number and one of m (minutes), h, d, w or y, from now on.",
    )
    moment = forms.DateTimeField(
        label="At a moment, in UTC",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        self.now = now
        self.expires_at: datetime | None = None
        super().__init__(*args, **kwargs)

    @property
    def limits(self) -> str:
        nearest, farthest = (
            settings.BERTH.LABELED_EXPIRATION_MINIMUM,
            settings.BERTH.LABELED_EXPIRATION_MAXIMUM,
        )
        return f"Between {nearest} and {farthest} from now."

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        match values.get("until"):
            case "in":
                self._check("lifetime", self._after_a_while(values.get("lifetime", "")))
            case "at" if "moment" in values:
                moment = values["moment"]
                self._check("moment", moment.replace(tzinfo=UTC) if moment else None)
        return values

    def _after_a_while(self, text: str) -> datetime | None:
        try:
            return self.now + parse_lifetime(text)
        except (LifetimeInvalid, OverflowError) as error:
            self.add_error("lifetime", str(error))
            return None

    def _check(self, field: str, moment: datetime | None) -> None:
        if moment is None:
            if field not in self.errors:
                self.add_error(field, "Say when.")
            return
        try:
            check_expiry(moment, self.now)
        except ExpiryRefused as error:
            self.add_error(field, reason_of(error))
        self.expires_at = moment
