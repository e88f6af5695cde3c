"""Template tags of every page. Load with ``{% load berth %}``."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from accounts.users.models import Namespace
from registry.repositories.models import Repository
from ui.display import plots
from ui.display.amounts import ago as ago_text
from ui.display.amounts import bytes_text, moment, number_text, short_digest
from ui.display.kinds import look_of
from ui.forms import ONCE, new_mark

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=1024)  # pages show hundreds, and to draw one takes longer than a row
def icon(name: str, style: str = "", label: str = "") -> SafeString:
    """An icon of Lucide's. Without a label it is only decoration."""
    spoken = {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    drawn = lucide(name, size=None, **{"class": f"b-icon {style}".strip(), **spoken})
    return mark_safe(drawn)  # noqa: S308 - written by an XML library, which escapes attributes


register.simple_tag(plots.sparkline, name="sparkline")
register.simple_tag(plots.bars, name="bars")
register.simple_tag(plots.sizes_over_time, name="sizes_over_time")
register.simple_tag(plots.avatar, name="avatar")
register.simple_tag(moment)
register.filter("bytes", bytes_text)
register.filter("short", short_digest)
register.filter("number", number_text)
register.filter("look", look_of)


@register.simple_tag(takes_context=True)
def ago(context: template.Context, moment: datetime | None) -> SafeString:
    """``3 hours ago``, with the whole time where one points at it."""
    if moment is None:
        return SafeString('<span class="b-quiet">never</span>')
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        ago_text(moment, context["now"]),
    )


@register.simple_tag
def kind_icon(kind: str, style: str = "") -> SafeString:
    """The picture of a kind, in its coloured square."""
    look = look_of(kind)
    classes = f"b-kind {f'b-kind-{look.style}' if look.style else ''} {style}"
    return format_html(
        '<span class="{}" title="{}">{}</span>',
        " ".join(classes.split()),
        look.name,
        icon(look.icon, label=look.name),
    )


@register.simple_tag
def page_url(name: str, place: Namespace | Repository, **kwargs: str | int) -> str:
    """The address of the page called ``ui:<name>`` of a namespace or a repository."""
    if isinstance(place, Repository):
        return address(name, repository=place.path, **kwargs)
    return address(name, namespace=place.name, **kwargs)


@lru_cache(maxsize=4096)  # most links of a row are those of the row above
def address(name: str, **kwargs: str | int) -> str:
    return reverse(f"ui:{name}", kwargs=kwargs)


@register.inclusion_tag("ui/parts/command.html")
def command(text: str, label: str = "Copy this command", prompt: str = "$") -> dict[str, Any]:
    """A command line with a button that copies it. Lines break between its words only."""
    lines = [line.split(" ") for line in text.split("\n")]
    return {"text": text, "lines": lines, "label": label, "prompt": prompt}


@register.simple_tag
def digest(value: str, url: str = "") -> SafeString:
    """The beginning of a digest, with a button that copies the whole."""
    code = '<code class="b-digest" title="{}">{}</code>'
    start = format_html(code, value, short_digest(value))
    shown = format_html('<a href="{}">{}</a>', url, start) if url else start
    return format_html(
        '<span class="b-nowrap">{}{}</span>', shown, copy_button(value, "Copy digest")
    )


@register.simple_tag
def once() -> SafeString:
    """Marks a form that is taken once, however often it is sent."""
    return format_html('<input type="hidden" name="{}" value="{}">', ONCE, new_mark())


@register.simple_tag
def copy_button(text: str, label: str) -> SafeString:
    return format_html(
        '<button class="btn b-square b-square-s b-ghost" type="button" data-copy="{}"'
        ' aria-label="{label}" title="{label}">{}</button>',
        text,
        icon("copy", "b-icon-s"),
        label=label,
    )


@register.inclusion_tag("ui/parts/field.html")
def field(bound: Any, hint: str = "") -> dict[str, Any]:
    """A form's field with its label, help and errors."""
    return {"field": bound, "hint": hint}
