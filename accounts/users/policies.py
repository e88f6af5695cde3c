"""Which artifact policy holds in a namespace, where its repositories select no other."""

from accounts.users.models import Namespace
from artifacts.policy.configured import configured_policy
from artifacts.policy.rules import Policy


def namespace_policy(namespace: Namespace) -> Policy:
    """Its own policy or the configuration's. Reads ``artifact_policy``: select it with the row."""
    if namespace.artifact_policy:
        source = f"selected by {namespace.name}"
        return namespace.artifact_policy.as_policy(source)
    return configured_policy()
