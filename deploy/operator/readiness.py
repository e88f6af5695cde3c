"""What objects say of themselves in their ``status``."""

from deploy.operator.kinds import Manifest


def is_ready(stateful_set: Manifest | None) -> bool:
    status = _current(stateful_set)
    return bool(status.get("readyReplicas")) and status.get("updateRevision") == status.get(
        "currentRevision"
    )


def is_available(deployment: Manifest | None) -> bool:
    """Whether enough pods answer, be they old or new."""
    return holds((deployment or {}).get("status") or {}, "Available")


def is_rolled_out(deployment: Manifest | None) -> bool:
    """Whether all pods are new, and all answer."""
    replicas = (deployment or {}).get("spec", {}).get("replicas", 1)
    status = _current(deployment)
    counts = [
        status.get(name) or 0 for name in ("replicas", "updatedReplicas", "availableReplicas")
    ]
    return bool(status) and counts == [replicas] * 3


def succeeded(job: Manifest) -> bool:
    return holds(job.get("status") or {}, "Complete")


def failed(job: Manifest) -> bool:
    return holds(job.get("status") or {}, "Failed")


def _current(manifest: Manifest | None) -> Manifest:
    """The status, if it is of what is wanted now."""
    if manifest is None:
        return {}
    status: Manifest = manifest.get("status") or {}
    is_current = status.get("observedGeneration", 0) >= manifest["metadata"].get("generation", 0)
    return status if is_current else {}


def holds(status: Manifest, name: str) -> bool:
    return any(
        condition.get("type") == name and condition.get("status") == "True"
        for condition in status.get("conditions") or []
    )
