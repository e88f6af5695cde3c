"""What others may leave in a queue ends no worker: it is left out, and said in the log."""

import logging
from collections.abc import Callable
from typing import Any, Final

logger = logging.getLogger(__name__)

# What the readers of messages, of kombu and of Celery, stumble over.
NONSENSE: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class LeavesNonsenseOut:
    """For a channel: what cannot be understood is settled, so that it takes up no place.

    Celery settles jobs that it does not know, and bodies that it may not read. What is no message
    to begin with, or one with parts of another kind, would end the worker.
    """

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[..., Any] | None,
        consumer_tag: str | None,
        **more: Any,
    ) -> str:
        def careful(message: Any) -> Any:
            try:
                return callback and callback(message)
            except NONSENSE as error:
                leave_out(queue, error)
                if not message.acknowledged:
                    message.reject()

        begun: str = super().basic_consume(queue, no_ack, careful, consumer_tag, **more)  # type: ignore[misc]
        return begun


def leave_out(queue: str, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"
    logger.error("left out what is no job in the queue %s: %s", queue, text[:300])
