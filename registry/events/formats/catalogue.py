"""Every form by the name that hooks carry."""

from collections.abc import Mapping
from typing import Final

from registry.events.formats.people import BELL, EMAIL, MATRIX, SLACK, TEAMS
from registry.events.formats.registries import DISTRIBUTION, DOCKERHUB, HARBOR, QUAY
from registry.events.formats.standards import CLOUDEVENTS, STANDARD, TEMPLATE
from registry.events.formats.telling import Format

FORMATS: Final[Mapping[str, Format]] = {
    "standard": STANDARD,
    "quay": QUAY,
    "harbor": HARBOR,
    "cloudevents": CLOUDEVENTS,
    "distribution": DISTRIBUTION,
    "dockerhub": DOCKERHUB,
    "slack": SLACK,
    "teams": TEAMS,
    "matrix": MATRIX,
    "email": EMAIL,
    "template": TEMPLATE,
    "bell": BELL,
}

LOCAL: Final = frozenset({"email", "bell"})
"""Those that lead to rows of ours, and to no address."""
