"""What a field that takes the name of a person, a robot, a team or a repository suggests."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from registry.access.holders import known_names
from ui.forms import typed
from ui.pages import SUGGESTED
from ui.places import NamespacePlace, PlacePage, RepositoryPlace

_MAX_LENGTH = 511


class _PickerPage(PlacePage):
    template = "ui/parts/options.html"

    def get(self, request: HttpRequest, **_: str) -> HttpResponse:
        query = request.GET
        names = known_names(
            query.get("of") or query.get("holder", ""),
            typed(query, query.get("field", ""), most=_MAX_LENGTH),
            place=self.home,
            asker=self.visitor,
            most=SUGGESTED,
        )
        response = self.render(picks=names)
        patch_cache_control(response, private=True, no_store=True)
        return response


class NamespacePicker(_PickerPage, NamespacePlace):
    """For those who administer the namespace."""

    standing = {"GET": "administrator"}


class RepositoryPicker(_PickerPage, RepositoryPlace):
    """For those who administer the repository."""

    actions = {"GET": "*"}
