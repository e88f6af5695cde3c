"""The pages of hooks, the same at each place."""

from collections.abc import Iterator, Mapping

from django.urls import URLPattern, path

from ui.hooks.pages import (
    ChangeHookPage,
    DeliveryPage,
    HookPage,
    HooksPage,
    NewHookPage,
    RemoveHookPage,
)
from ui.places import PlacePage

_HOOK = "hooks/<uuid:hook>"
_PAGES: Mapping[str, tuple[str, type[HooksPage]]] = {
    "hooks": ("hooks", HooksPage),
    "new_hook": ("new-hook", NewHookPage),
    "hook": (_HOOK, HookPage),
    "change_hook": (f"{_HOOK}/change", ChangeHookPage),
    "remove_hook": (f"{_HOOK}/remove", RemoveHookPage),
    "delivery": (f"{_HOOK}/deliveries/<int:delivery>", DeliveryPage),
}


def hook_pages(place: type[PlacePage], address: str) -> Iterator[URLPattern]:
    """Below ``address``, which is that of the place."""
    for name, (rest, page) in _PAGES.items():
        view: type[PlacePage] = type(f"{place.__name__}{page.__name__}", (place, page), {})
        yield path(f"{address}/{rest}", view.as_view(), name=f"{place.prefix}{name}")
