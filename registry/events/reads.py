"""How far behind deliveries are."""

from datetime import datetime, timedelta

from django.db.models import Min

from registry.events.models import Delivery, Event


def queue_age(*, now: datetime) -> timedelta:
    """How long the event waits that was due first and has reached nobody yet."""
    unasked = Event.objects.waiting().order_by().aggregate(first=Min("at"))["first"]
    unsent = Delivery.objects.due(now).aggregate(first=Min("next_at"))["first"]
    waiting = [moment for moment in (unasked, unsent) if moment is not None]
    return max(now - min(waiting), timedelta()) if waiting else timedelta()
