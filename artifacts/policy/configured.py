"""The policy that the configuration sets: it holds wherever nobody selected another."""

from django.conf import settings

from artifacts.policy.presets import BUILTIN, HELM, Preset
from artifacts.policy.rules import Pairs, Policy

_KEY = "ALLOWED_OCI_ARTIFACT_TYPES"
_DEFAULT = "the default"


def configured_policy() -> Policy:
    """The policy of ``ALLOWED_OCI_ARTIFACT_TYPES`` and the keys that belong to it."""
    if settings.BERTH.IGNORE_UNKNOWN_MEDIATYPES:
        source = "set by IGNORE_UNKNOWN_MEDIATYPES in the configuration"
        return Policy(Preset.ANYTHING, source, allows_anything=True)
    types = settings.BERTH.ALLOWED_OCI_ARTIFACT_TYPES
    if types is None:
        source = f"{_DEFAULT} where the configuration has no {_KEY}"
        return Policy(Preset.ANYTHING, source, allows_anything=True)
    source = f"set by {_KEY} in the configuration"
    if types == "builtin":
        return Policy(Preset.BUILTIN, source, BUILTIN, allows_images=True)
    return Policy(_KEY, source, _with_helm(types), allows_images=True)


def _with_helm(pairs: Pairs) -> Pairs:
    """Helm's types too, where the deprecated key was set to say so."""
    if not settings.BERTH.FEATURE_HELM_OCI_SUPPORT:
        return pairs
    return {**pairs, **{key: (*pairs.get(key, ()), *HELM[key]) for key in HELM}}
