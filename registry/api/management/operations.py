"""What a route asks of its caller, method by method."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from registry.access.scopes import Action
from registry.access.standings import Standing

# Beside the rights in a repository and the standings in a namespace: everybody, whoever has logged
# in as a person, and superusers.
Right = Action | Standing | Literal["anybody", "person", "superuser"]


class Operation(NamedTuple):
    """``name`` is Quay's, after which generated clients name their functions. ``scope`` is what an
    application token needs; none where it is empty."""

    name: str
    right: Right
    scope: str = ""


Operations = Mapping[str, Operation]  # by HTTP method
