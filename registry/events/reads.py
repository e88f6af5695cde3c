"""How far behind deliveries are."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Min

from registry.events.models import Delivery, DeliveryState, Event


def queue_age(*, now: datetime) -> timedelta:
    """How long the event waits that was due first and has reached nobody yet."""
    unasked = Event.objects.waiting().order_by().aggregate(first=Min("at"))["first"]
    unsent = Delivery.objects.due(now).aggregate(first=Min("next_at"))["first"]
    waiting = [moment for moment in (unasked, unsent) if moment is not None]
    return max(now - min(waiting), timedelta()) if waiting else timedelta()


def deliveries_by_state() -> Mapping[str, int]:
    """How many deliveries of the last month there are in each state."""
    counted = Delivery.objects.order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(DeliveryState.values, 0) | dict(counted)
