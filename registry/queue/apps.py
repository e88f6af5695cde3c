"""The Django app of the queue: which transports of kombu stand behind which broker URL."""

from django.apps import AppConfig
from kombu.transport import TRANSPORT_ALIASES


class QueueConfig(AppConfig):
    name = "registry.queue"
    label = "queue"

    def ready(self) -> None:
        TRANSPORT_ALIASES["django"] = "registry.queue.transport:Transport"
        for scheme in ("redis", "rediss"):
            TRANSPORT_ALIASES[scheme] = "registry.queue.redis_transport:Transport"
