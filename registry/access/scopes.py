"""What a token is asked for: ``repository:acme/web:pull,push``.

Source: Docker's "Token Scope Documentation", which the distribution clients follow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Action = Literal["pull", "push", "delete", "*"]

ALL_ACTIONS: frozenset[Action] = frozenset({"pull", "push", "delete", "*"})
CATALOG = "catalog"
MAX_SCOPES = 50


@dataclass(frozen=True, slots=True)
class Scope:
    kind: str
    name: str
    actions: frozenset[Action]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"


def parse_scopes(parameters: Iterable[str]) -> list[Scope]:
    """Every readable scope of the ``scope`` parameters, each of which may hold several.

    What cannot be read grants nothing; it is left out rather than refused, so that
    one odd scope does not cost a client the others. At most 50 count.
    """
    texts = [text for parameter in parameters for text in parameter.split()]
    merged: dict[tuple[str, str], frozenset[Action]] = {}
    for text in texts[:MAX_SCOPES]:
        kind, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        key = (kind.partition("(")[0], name)
        merged[key] = merged.get(key, frozenset()) | _actions(actions)
    return [Scope(kind, name, actions) for (kind, name), actions in merged.items() if name]


def _actions(text: str) -> frozenset[Action]:
    words = set(text.split(","))
    return ALL_ACTIONS if "*" in words else frozenset(a for a in ALL_ACTIONS if a in words)
