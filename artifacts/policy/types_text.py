"""Allowed types as people write them: a config type, and below it its layer types.

The form is that of ``ALLOWED_OCI_ARTIFACT_TYPES``, in ``config.yaml`` and in the administration.
"""

from collections import Counter
from typing import Any

import yaml

from artifacts.oci.descriptors import parse_media_type
from artifacts.oci.errors import ManifestInvalid
from artifacts.policy.rules import Pairs

_FORM = "lines such as 'application/vnd.example.config.v1+json:', below each '- LAYER TYPE'"


class TypesInvalid(Exception):
    """The types cannot be used. The message continues a sentence about them."""


def read_types(text: str) -> dict[str, list[str]]:
    """Read YAML in the form of ``ALLOWED_OCI_ARTIFACT_TYPES``. Empty text allows no types."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise TypesInvalid(f"cannot be read: {error.problem}{line}; expected {_FORM}") from error
    except yaml.YAMLError as error:
        raise TypesInvalid(f"cannot be read; expected {_FORM}") from error
    if node is None:
        return {}
    for key, count in _keys(node).items():
        if count > 1:
            raise TypesInvalid(f"have {key} twice; write its layer types together")
    return check_types(value)


def check_types(value: Any) -> dict[str, list[str]]:
    """Check what was read from YAML or JSON; raises ``TypesInvalid``."""
    if not isinstance(value, dict):
        raise TypesInvalid(f"must be {_FORM}")
    return {_media_type(config): _layers(config, value[config]) for config in value}


def write_types(pairs: Pairs) -> str:
    """The text that ``read_types`` reads."""
    if not pairs:
        return ""
    value = {config: list(layers) for config, layers in pairs.items()}
    return yaml.safe_dump(value, sort_keys=False, width=1000)


def _keys(node: yaml.Node) -> Counter[str]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return Counter(key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode))


def _layers(config: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypesInvalid(f"need a list of layer types below {config} ([] for none)")
    return list(dict.fromkeys(map(_media_type, value)))


def _media_type(value: Any) -> str:
    try:
        return parse_media_type(value, "")
    except ManifestInvalid:
        problem = f"have {str(value)[:150]!r}, which is no media type such as application/json"
        raise TypesInvalid(problem) from None
