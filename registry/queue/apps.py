"""The Django app of the embedded queue. It makes ``django://`` a broker URL."""

from django.apps import AppConfig
from kombu.transport import TRANSPORT_ALIASES


class QueueConfig(AppConfig):
    name = "registry.queue"
    label = "queue"

    def ready(self) -> None:
        TRANSPORT_ALIASES["django"] = "registry.queue.transport:Transport"
