"""Bringing events to their hooks: at least once, however often a process dies on the way.

First each event is given to the hooks that want it; then what is due is sent. A delivery is taken
by moving the moment from which others may take it, so that one that nobody finished is begun
again; whoever gets it twice knows it by its id. Nothing is sent inside a transaction.
"""

import logging
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q

from accounts.mail.services import post
from accounts.outgoing.addresses import AddressRefused
from accounts.outgoing.client import Answer, CallFailed, HostUnreached, call, permission
from accounts.users.models import User
from registry.events.formats.catalogue import FORMATS, LOCAL
from registry.events.formats.people import LINES, subject_of
from registry.events.formats.telling import EventFacts, Message
from registry.events.models import Delivery, DeliveryState, Event, Hook, HookState, Notice
from registry.events.notices import notice, notices_of
from registry.events.secrets import Secrets, SecretsUnreadable
from registry.metrics.families import Counter

CALL_SECONDS: Final = 15
LEASE: Final = timedelta(seconds=60)
ROUND_SECONDS: Final = 20  # after these nothing new is begun
CALLS_AT_ONCE: Final = 10
CALLS_TO_A_HOST: Final = 2
CALLS_A_MINUTE: Final = 60  # to one host
MOST_WAITING: Final = 10_000  # of one hook
KEPT_FOR: Final = timedelta(days=30)
DELAYS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""After the first try, the second and so on; after the last, a delivery is given up."""

_JITTER: Final = 0.2
_LONGEST_WISH: Final = timedelta(hours=24)
_TRIES_OF_THE_HOPELESS: Final = 3
_HOOKS_A_ROUND: Final = 100
_HOOKS_LOOKED_AT: Final = 10_000  # of which those of a round are chosen
_PER_HOOK: Final = 10
_DIGEST: Final = 50  # events that one message to people may be about
_ANSWER_BYTES: Final = 64 * 1024
_KEPT_OF_ANSWER: Final = 2000
_FAILURES_UNTIL_REST: Final = 10
_FAILING_UNTIL_REST: Final = timedelta(hours=1)
_REST: Final = timedelta(minutes=5)
_FAILING_UNTIL_DISABLED: Final = timedelta(days=5)
_REST_OF_A_HOST: Final = (timedelta(seconds=5), timedelta(seconds=60))  # the least, and the most
_MAY_HEAL: Final = frozenset({408, 409, 425, 429})

logger = logging.getLogger(__name__)
ATTEMPTS: Final = Counter(
    "berth_hook_attempts_total", "Attempts to tell a hook.", ("format", "outcome")
)


def fan_out(*, now: datetime, limit: int) -> int:
    """Give at most ``limit`` events to the hooks that want them and to the people whom they
    concern; return how many there were."""
    if not Event.objects.waiting().exists():  # a plain read: who finds nothing holds up nobody
        return 0
    with transaction.atomic():
        waiting = Event.objects.waiting().select_for_update(of=("self",), skip_locked=True)
        events = list(waiting[:limit])
        deliveries = _deliveries(events, now)
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True, batch_size=500)
        notices = notices_of(events)
        Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=500)
        wanted = {delivery.event_id for delivery in deliveries}
        wanted |= {notice.event_id for notice in notices}
        Event.objects.filter(pk__in=wanted).update(is_waiting=False)
        Event.objects.filter(pk__in={event.pk for event in events} - wanted).delete()
    return len(events)


def deliver_due(*, now: datetime) -> int:
    """Send what is due, for at most about ``ROUND_SECONDS``; return how many were tried."""
    return _Round(now).run()


def forget_old(*, now: datetime, limit: int) -> int:
    """Delete events, and what was delivered of them, after ``KEPT_FOR``; return how many."""
    old = Event.objects.filter(at__lt=now - KEPT_FOR, is_waiting=False).order_by("at", "pk")
    keys = list(old.values_list("pk", flat=True)[:limit])
    Event.objects.filter(pk__in=keys).delete()
    return len(keys)


def message_of(hook: Hook, events: Sequence[Event]) -> Message:
    return FORMATS[hook.format].render(_facts_of(events), hook.url, hook.options)


def headers_of(
    hook: Hook, events: Sequence[Event], message: Message, hook_secrets: Secrets, *, now: datetime
) -> dict[str, str]:
    """All that are sent with a message, but for those of HTTP itself."""
    event = events[0]
    return {
        **hook_secrets.headers,
        "Content-Type": message.content_type,
        "User-Agent": f"Berth-Hookshot/{settings.VERSION}",
        "X-Berth-Event": event.type,
        "X-Berth-Delivery": str(event.uuid),
        **hook_secrets.proof(uuid=str(event.uuid), body=message.body, now=now),
    }


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a try. ``status`` is that of the answer, if there was one."""

    status: int | None = None
    error: str = ""
    answer: str = ""
    retry_after: timedelta | None = None
    is_hopeless: bool = False
    is_unreached: bool = False  # nor is the host for any other hook
    lasted: timedelta = timedelta()

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def has_no_answer(self) -> bool:
        return self.status is None


@dataclass(slots=True)
class _Load:
    """What one message is about: one delivery, or several to people."""

    hook: Hook
    deliveries: list[Delivery]

    @property
    def events(self) -> list[Event]:
        return [delivery.event for delivery in self.deliveries]


class _Round:
    """Chains of loads, one for each hook, so that each hook is told in the order of events."""

    def __init__(self, now: datetime) -> None:
        self.begun_at = now
        self.clock = time.monotonic()
        self.tried = 0
        self.running: dict[Future[Result], tuple[deque[_Load], _Load, str]] = {}
        self.unreached: set[str] = set()  # hosts

    @property
    def now(self) -> datetime:
        return self.begun_at + timedelta(seconds=time.monotonic() - self.clock)

    def run(self) -> int:
        shares = self._shares()
        if not shares:
            return 0
        chains = [chain for hook in _hooks(shares) if (chain := self._chain(hook, shares[hook.pk]))]
        with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="hooks") as pool:
            while chains or self.running:
                is_over = time.monotonic() - self.clock > ROUND_SECONDS
                chains = [] if is_over else self._begin(chains, pool)
                if self.running:
                    done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                    chains += self._end(done)
                elif chains:
                    break  # what is left is for hosts that were asked often enough
        return self.tried

    def _shares(self) -> Mapping[int, int]:
        """How many calls each hook gets, the longest left alone first: no more is read than the
        hosts may be asked."""
        rows = Hook.objects.with_work(self.begun_at)
        columns = rows.values_list("pk", "url", "format", "resting_until")
        candidates = [
            (pk, _host_of(url, name), resting)
            for pk, url, name, resting in columns[:_HOOKS_LOOKED_AT]
        ]
        hooks: dict[str, int] = defaultdict(int)
        for _, host, _ in candidates:
            hooks[host] += 1
        left = {host: _budget.calls(host) for host in hooks}
        fair = {host: max(1, min(_PER_HOOK, left[host] // hooks[host])) for host in hooks}
        shares: dict[int, int] = {}
        asked_hosts: set[str] = set()
        for pk, host, resting in candidates:
            if left[host] < fair[host] or (resting and host in asked_hosts):
                continue
            if resting:  # one of those that rest asks, with one delivery, whether it is back
                asked_hosts.add(host)
            shares[pk] = 1 if resting else fair[host]
            left[host] -= shares[pk]
            if len(shares) == _HOOKS_A_ROUND:
                break
        return shares

    def _chain(self, hook: Hook, most: int) -> deque[_Load]:
        due = Delivery.objects.due(self.begun_at).filter(hook=hook).select_related("event")
        is_chat = FORMATS[hook.format].is_chat
        rows = list(due.order_by("event_id")[: _DIGEST if is_chat else most])
        if is_chat and len(rows) > LINES:
            return deque([_Load(hook, rows)])
        return deque(_Load(hook, [row]) for row in rows[:most])

    def _begin(self, chains: list[deque[_Load]], pool: ThreadPoolExecutor) -> list[deque[_Load]]:
        """Begin what may be begun; return the chains that must wait."""
        left, starts = [], []
        calls = [host for _, _, host in self.running.values()]
        for chain in chains:
            host = _host_of(chain[0].hook.url, chain[0].hook.format)
            if host in self.unreached:
                continue
            if len(calls) >= CALLS_AT_ONCE or calls.count(host) >= CALLS_TO_A_HOST:
                left.append(chain)
            elif _budget.take(host):  # else for the next round
                calls.append(host)
                starts.append((chain, chain.popleft(), host))
        if not starts:
            return left
        # One commit for all, before anything is sent: after each, every process reads anew.
        starts.sort(key=lambda each: each[1].hook.pk)  # whoever locks several does so in one order
        with transaction.atomic():
            taken = [_take(load.deliveries, now=self.now) for _, load, _ in starts]
        for (chain, load, host), mine in zip(starts, taken, strict=True):
            if mine:
                ours = _Load(load.hook, mine)
                self.tried += len(mine)
                future = pool.submit(_send, ours.hook, ours.events, self.now)
                self.running[future] = chain, ours, host
            elif chain:
                left.append(chain)
        return left

    def _end(self, done: Iterable[Future[Result]]) -> list[deque[_Load]]:
        """Write down what came of calls; return what is left of their chains."""
        ended = [(*self.running.pop(future), future.result()) for future in done]
        ended.sort(key=lambda each: each[1].hook.pk)
        left = []
        with transaction.atomic():
            for chain, load, _, result in ended:
                if load.hook.format in LOCAL:
                    _record_here(load.hook, load.deliveries, now=self.now)
                    is_over = False
                else:
                    _record(load.hook, load.deliveries, result, now=self.now)
                    is_over = result.has_no_answer or result.status == HTTPStatus.GONE
                if chain and not is_over:
                    left.append(chain)
        for host in {host for _, _, host, result in ended if result.is_unreached}:
            self.unreached.add(host)
            _rest(host, now=self.now)
        return left


class _Budget:
    """How often each host may be asked: ``CALLS_A_MINUTE``, and as many at once after a pause."""

    def __init__(self) -> None:
        self.left: dict[str, tuple[float, float]] = {}

    def calls(self, host: str) -> int:
        """How many calls it may get now."""
        now = time.monotonic()
        left, at = self.left.get(host, (float(CALLS_A_MINUTE), now))
        left = min(CALLS_A_MINUTE, left + (now - at) * CALLS_A_MINUTE / 60)
        if len(self.left) > 10_000:
            self.left.clear()
        self.left[host] = left, now
        return int(left)

    def take(self, host: str) -> bool:
        if not self.calls(host):
            return False
        left, at = self.left[host]
        self.left[host] = left - 1, at
        return True


_budget = _Budget()


def _deliveries(events: Sequence[Event], now: datetime) -> list[Delivery]:
    active = Hook.objects.active()
    everywhere = list(active.of(None).order_by("pk"))
    repositories = {event.repository_key for event in events if event.repository_key}
    namespaces = {event.namespace_key for event in events if event.namespace_key}
    there = [
        *active.filter(namespace__in=namespaces).order_by("pk"),
        *active.filter(repository__in=repositories).order_by("pk"),
    ]
    room = _room_of({hook.pk for hook in (*everywhere, *there)})
    deliveries = []
    for event in events:
        facts = event.facts
        near = [hook for hook in there if _is_near(hook, event)]
        for hook in (*everywhere, *near):
            if not hook.wants(event.kind, facts):
                continue
            room[hook.pk] -= 1
            is_full = room[hook.pk] < 0
            deliveries.append(
                Delivery(
                    hook=hook,
                    event=event,
                    created_at=now,
                    next_at=now,
                    state=DeliveryState.SKIPPED if is_full else DeliveryState.WAITING,
                    ended_at=now if is_full else None,
                    error=f"{MOST_WAITING} deliveries were waiting already" if is_full else "",
                )
            )
    return deliveries


def _is_near(hook: Hook, event: Event) -> bool:
    if hook.repository_id is not None:
        return hook.repository_id == event.repository_key
    return hook.namespace_id == event.namespace_key


def _room_of(hooks: Iterable[int]) -> dict[int, int]:
    """How many more deliveries may wait for each of these hooks."""
    waiting = Delivery.objects.filter(hook__in=hooks, state=DeliveryState.WAITING).order_by()
    counted = dict(waiting.values_list("hook").annotate(Count("pk")))
    return {hook: MOST_WAITING - counted.get(hook, 0) for hook in hooks}


def _hooks(keys: Iterable[int]) -> list[Hook]:
    """In the order of their keys."""
    rows = Hook.objects.select_related("repository", "namespace").in_bulk(list(keys))
    return [rows[key] for key in keys if key in rows]


def _rest(host: str, *, now: datetime) -> None:
    """Leave alone whoever leads to a host that nobody reaches: one look after a while is for all.

    The longer it has been away, the longer it is left alone, within ``_REST_OF_A_HOST``.
    """
    near = Hook.objects.active().filter(url__icontains=host.rpartition(":")[0])
    near = near.filter(
        Exists(Delivery.objects.filter(hook=OuterRef("pk"), state=DeliveryState.WAITING))
    )
    columns = near.values_list("pk", "url", "format", "failing_since")
    hooks = [(pk, since) for pk, url, name, since in columns if _host_of(url, name) == host]
    since = min((since for _, since in hooks if since), default=now)
    least, most = _REST_OF_A_HOST
    until = now + min(max((now - since) / 4, least), most)
    sooner = Q(resting_until=None) | Q(resting_until__lt=until)
    with transaction.atomic():
        rows = Hook.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
        keys = rows.filter(sooner, pk__in=[pk for pk, _ in hooks]).values_list("pk", flat=True)
        Hook.objects.filter(pk__in=list(keys)).update(resting_until=until)


def _facts_of(events: Sequence[Event]) -> list[EventFacts]:
    return [EventFacts(event.kind, event.uuid, event.at, event.facts) for event in events]


def _take(deliveries: Sequence[Delivery], *, now: datetime) -> list[Delivery]:
    """Those of the deliveries that nobody else has taken since they were read."""
    taken = []
    for delivery in deliveries:
        mine = Delivery.objects.filter(
            pk=delivery.pk,
            state=DeliveryState.WAITING,
            tries=delivery.tries,
            next_at=delivery.next_at,
        )
        if mine.update(tries=F("tries") + 1, next_at=now + LEASE):
            delivery.tries += 1
            taken.append(delivery)
    return taken


def _send(hook: Hook, events: Sequence[Event], now: datetime) -> Result:
    """Never fails, and asks no database: it runs in a thread that has no connection."""
    if hook.format in LOCAL:
        return Result()
    begun = time.monotonic()
    try:
        hook_secrets = Secrets.unseal(hook.sealed)
        message = message_of(hook, events)
        answer = call(
            message.method,
            message.url or hook.url,
            body=message.body,
            headers=headers_of(hook, events, message, hook_secrets, now=now),
            allowed=permission(with_secret=bool(hook_secrets.headers)),
            seconds=CALL_SECONDS,
            most_bytes=_ANSWER_BYTES,
        )
    except AddressRefused as error:
        result = Result(error=str(error), is_hopeless=True)
    except HostUnreached as error:
        result = Result(error=str(error), is_unreached=True)
    except (CallFailed, SecretsUnreadable) as error:
        result = Result(error=str(error))
    except Exception:
        logger.exception("the hook %s could not be told", hook.uuid)
        result = Result(error="Berth failed to send it; its log says why")
    else:
        result = _result_of(answer, now)
    return replace(result, lasted=timedelta(seconds=time.monotonic() - begun))


def _result_of(answer: Answer, now: datetime) -> Result:
    """What an answer means: it may be better later, or not."""
    head = f"{answer.status} {answer.reason}\n" + "".join(
        f"{name}: {value}\n" for name, value in answer.headers.items()
    )
    text = _printable(f"{head}\n{answer.body.decode('utf-8', 'replace')}")
    is_hopeless = 300 <= answer.status < 500 and answer.status not in _MAY_HEAL
    error = "" if 200 <= answer.status < 300 else f"the answer was {answer.status} {answer.reason}"
    wish = None
    if answer.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        wish = _wish(answer.headers.get("retry-after", ""), now)
    return Result(answer.status, _printable(error)[:300], text, wish, is_hopeless)


def _printable(text: str) -> str:
    shown = (sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text[:8000])
    return "".join(shown)[:_KEPT_OF_ANSWER]


def _wish(text: str, now: datetime) -> timedelta | None:
    """``Retry-After``: seconds, or a date."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(timedelta(seconds=int(text)), _LONGEST_WISH)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(timedelta(), min(at - now, _LONGEST_WISH))


def _record(hook: Hook, deliveries: Sequence[Delivery], result: Result, *, now: datetime) -> None:
    """Call it inside a transaction, as ``_record_here``."""
    ATTEMPTS.add(hook.format, "delivered" if result.is_delivered else "failed")
    for delivery in deliveries:
        state, next_at = _after(delivery, result, now)
        is_over = state != DeliveryState.WAITING
        mine = Delivery.objects.filter(pk=delivery.pk, tries=delivery.tries)
        mine.update(
            state=state,
            next_at=next_at,
            ended_at=now if is_over else None,
            status=result.status,
            error=result.error[:300],
            answer=result.answer,
            lasted_ms=result.lasted // timedelta(milliseconds=1),
        )
    if result.is_delivered:
        _note_success(hook, now)
    else:
        _note_failure(hook, result, now)


def _record_here(hook: Hook, deliveries: Sequence[Delivery], *, now: datetime) -> None:
    """What is told, and that it was, are written at once, so nobody gets it twice."""
    events = [delivery.event for delivery in deliveries]
    if hook.format == "bell":
        notice(hook, events)
    else:
        post(
            recipient=hook.options["email"],
            subject=subject_of(_facts_of(events)),
            body=message_of(hook, events).body.decode(),
            now=now,
        )
    for delivery in deliveries:
        mine = Delivery.objects.filter(pk=delivery.pk, tries=delivery.tries)
        mine.update(state=DeliveryState.DELIVERED, ended_at=now, error="")
    _note_success(hook, now)


def _after(delivery: Delivery, result: Result, now: datetime) -> tuple[DeliveryState, datetime]:
    if result.is_delivered:
        return DeliveryState.DELIVERED, now
    most = _TRIES_OF_THE_HOPELESS if result.is_hopeless else len(DELAYS) + 1
    if delivery.tries >= most or result.status == HTTPStatus.GONE:
        return DeliveryState.DEAD, now
    delay = DELAYS[delivery.tries - 1]
    jitter = 1 + _JITTER * (secrets.randbelow(2001) - 1000) / 1000
    return DeliveryState.WAITING, now + max(delay * jitter, result.retry_after or timedelta())


def _note_success(hook: Hook, now: datetime) -> None:
    Hook.objects.filter(pk=hook.pk).update(
        failures=0, failing_since=None, resting_until=None, tried_at=now
    )


def _note_failure(hook: Hook, result: Result, now: datetime) -> None:
    rows = Hook.objects.select_for_update(of=("self",), no_key=True)  # its deliveries may be born
    row = rows.filter(pk=hook.pk).first()
    if row is None:
        return
    row.failures, row.tried_at = row.failures + 1, now
    row.failing_since = row.failing_since or now
    failing_for = now - row.failing_since
    if result.status == HTTPStatus.GONE:
        disable(row, "its receiver answered 410: it is gone for good", now=now)
    elif failing_for >= _FAILING_UNTIL_DISABLED:
        disable(row, f"nothing was delivered for {failing_for.days} days", now=now)
    elif row.failures >= _FAILURES_UNTIL_REST and failing_for >= _FAILING_UNTIL_REST:
        row.resting_until = now + _REST
    row.save(
        update_fields=[
            *("failures", "tried_at", "failing_since", "resting_until", "state", "why_disabled")
        ]
    )


def disable(hook: Hook, reason: str, *, now: datetime) -> None:
    """Send nothing any more, and tell who made the hook. The caller saves it."""
    hook.state, hook.why_disabled = HookState.DISABLED, reason
    hook.deliveries.filter(state=DeliveryState.WAITING).update(
        state=DeliveryState.SKIPPED, ended_at=now, error="the hook was disabled"
    )
    if not settings.BERTH.FEATURE_MAILING:
        return
    maker = User.objects.filter(username=hook.created_by, is_active=True).exclude(email="").first()
    if maker is not None:
        post(
            recipient=maker.email,
            subject=f"Berth: the hook {hook} is disabled",
            body=(
                f"Hello {maker.username},\n\nthe hook {hook} of {hook.place} is told nothing any"
                f" more: {reason}.\n\nOnce its receiver is well again, switch it on again on the"
                " page Hooks.\n\nBerth\n"
            ),
            now=now,
        )


def _host_of(url: str, format_name: str) -> str:
    """With its port: of one name another may answer at each."""
    if not url:
        return format_name
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme.lower() == 'https' else 80)}"
