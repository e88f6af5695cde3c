"""One address for every route of the pages: generated from the URL configuration.

A parameter means the same thing on every page, so most routes need no words of their own here;
a route whose parameters are not known fails the tests until it has some.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, get_resolver, reverse

Known = Mapping[str, Any]  # what the showcase says of itself

PAGES = ("ui:", "account_", "mfa_", "socialaccount_", "usersessions_", "openid_connect_")
# Links of mails and of other login providers, none of which is good.
_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "account_confirm_email": {"key": "stale"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "stale-key"},
    "openid_connect_login": {"provider_id": "nobody"},
    "openid_connect_callback": {"provider_id": "nobody"},
}


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    parameters: frozenset[str]
    view: Any  # a class, or a function

    @property
    def is_shown(self) -> bool:
        """Whether it can be asked for. Of a function nobody can tell."""
        return not isinstance(self.view, type) or hasattr(self.view, "get")


def page_routes() -> Iterator[Route]:
    """Routes of pages: ours and those of the login library. Not what programs ask."""
    for route in _walk(get_resolver().url_patterns, "", frozenset()):
        if route.name.startswith(PAGES):
            yield route


def address_of(route: Route, known: Known) -> str:
    """Where ``route`` leads in the showcase."""
    own = _ARGUMENTS.get(route.name) or known["arguments"].get(route.name, {})
    arguments = {key: own.get(key, known["parameters"].get(key)) for key in route.parameters}
    missing = [key for key, value in arguments.items() if value is None]
    assert not missing, f"what may {missing} of {route.name} be? Say so in tests/browser"
    query = known["queries"].get(route.name, {})
    url = reverse(route.name, kwargs=arguments)
    return f"{url}?{urlencode(query)}" if query else url


def _walk(
    patterns: Sequence[URLPattern | URLResolver], space: str, above: frozenset[str]
) -> Iterator[Route]:
    for pattern in patterns:
        parameters = above | set(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern.url_patterns, inner, parameters)
        elif pattern.name:
            view = getattr(pattern.callback, "view_class", pattern.callback)
            yield Route(f"{space}{pattern.name}", parameters, view)
