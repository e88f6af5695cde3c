"""What the pages of allauth need to look like ours."""

from django import forms, template

from ui.forms import dress

register = template.Library()


@register.filter
def dressed(form: forms.Form) -> list[forms.BoundField]:
    """The fields of a form that was not made as one of ours, in the look of ours."""
    fields = list(form)
    for bound in fields:
        bound.field.widget.attrs.pop("placeholder", None)
        dress(bound)
    return fields


@register.simple_tag(takes_context=True)
def here(context: template.Context, *names: str) -> bool:
    """Whether the present page is one whose name begins with one of ``names``."""
    match = context["request"].resolver_match
    return match is not None and str(match.url_name).startswith(names)
