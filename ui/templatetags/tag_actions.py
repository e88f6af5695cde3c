"""What can be done with a tag, as a menu: in lists and on its own page."""

from typing import Any

from django import template

from registry.tags.models import Tag
from ui.tags.changes import offered

register = template.Library()


@register.inclusion_tag("ui/tags/actions.html", takes_context=True)
def tag_actions(context: template.Context, tag: Tag, label: str = "") -> dict[str, Any]:
    """The menu of a tag of the page's repository. With a ``label`` on its button, which its own
    page gives, to delete the tag stands beside it."""
    pointless = "fix" if tag.is_immutable else "free"
    changes = [one for one in offered(context["rights"]) if one.name != pointless]
    return {
        "repository": context["repository"],
        "tag": tag,
        "label": label,
        "may_push": "push" in context["rights"],
        "changes": [one for one in changes if not one.is_dangerous],
        "direct": [one for one in changes if label and one.name == "delete"],
        "dangers": [
            one for one in changes if one.is_dangerous and not (label and one.name == "delete")
        ],
    }
