"""What the ``status`` of a registry tells, in Quay's words where Quay has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deploy.operator.kinds import Manifest

AVAILABLE = "Available"
CREATED = "ComponentsCreated"
BLOCKED = "RolloutBlocked"
OF_COMPONENT = {
    "quay": "ComponentQuayReady",
    "postgres": "ComponentPostgresReady",
    "redis": "ComponentRedisReady",
    "objectstorage": "ComponentObjectStorageReady",
    "route": "ComponentRouteReady",
    "tls": "ComponentTLSReady",
    "horizontalpodautoscaler": "ComponentHPAReady",
    "monitoring": "ComponentMonitoringReady",
    "clair": "ComponentClairReady",
    "clairpostgres": "ComponentClairPostgresReady",
    "mirror": "ComponentMirrorReady",
}
_MOST_OF_A_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    holds: bool
    reason: str
    message: str = ""

    def entry(self) -> Manifest:
        return {
            "type": self.type,
            "status": str(self.holds),
            "reason": self.reason,
            "message": self.message[:_MOST_OF_A_MESSAGE],
        }


def merged(
    before: Iterable[Manifest], conditions: Mapping[str, Condition], *, now: datetime
) -> list[Manifest]:
    """The conditions as they are now, with the moments at which each came to be so."""
    old_entries = {entry.get("type"): entry for entry in before}
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = []
    for name in sorted(conditions):
        entry, old = conditions[name].entry(), old_entries.get(name, {})
        is_same = all(old.get(key) == value for key, value in entry.items())
        has_turned = old.get("status") != entry["status"]
        entry["lastTransitionTime"] = (
            moment if has_turned else old.get("lastTransitionTime", moment)
        )
        entry["lastUpdateTime"] = old.get("lastUpdateTime", moment) if is_same else moment
        entries.append(entry)
    return entries
