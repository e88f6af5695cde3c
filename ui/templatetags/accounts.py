"""What the pages of allauth need to look like ours."""

from collections.abc import Mapping

from allauth.account import app_settings
from django import forms, template

from ui.display.browsers import browser_name
from ui.forms import dress

register = template.Library()
register.filter("browser", browser_name)
# What allauth says of a field, in our words.
_WORDS: Mapping[str, str] = {
    "Authenticator code": "Code",
    "Email": "E-mail address",
    "New Password": "New password",
    "New Password (again)": "New password again",
    "Password (again)": "Password again",
    "Passwordless": "Passkey",
    "Enabling passwordless operation allows you to sign in using just this key, but imposes"
    " additional requirements such as biometrics or PIN protection.": "It signs in without name"
    " and password, and asks for a fingerprint or a PIN.",
}


@register.filter
def dressed(form: forms.Form) -> list[forms.BoundField]:
    """The fields of a form that was not made as one of ours, in the look of ours."""
    fields = list(form)
    for bound in fields:
        bound.field.widget.attrs.pop("placeholder", None)
        bound.label = _WORDS.get(str(bound.label), bound.label)
        bound.help_text = _WORDS.get(str(bound.help_text), bound.help_text)
        if bound.name in {"password", "oldpassword"}:
            bound.help_text = ""  # where to go without it, which the page says
        dress(bound)
    return fields


@register.simple_tag(takes_context=True)
def here(context: template.Context, *names: str) -> bool:
    """Whether the present page is one whose name begins with one of ``names``."""
    match = context["request"].resolver_match
    return match is not None and str(match.url_name).startswith(names)


@register.simple_tag
def code_minutes(use: str) -> str:
    """How many minutes a mailed code is good for: ``EMAIL_VERIFICATION`` or ``PASSWORD_RESET``."""
    return str(int(getattr(app_settings, f"{use}_BY_CODE_TIMEOUT")) // 60)
