"""Threads that end when there is nothing to do: each holds memory, and a database connection."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import connections

from registry.metrics import traces

P = ParamSpec("P")
W = TypeVar("W")
T = TypeVar("T")


class Turns(Generic[W]):
    """What waits, taken from its holders in turn: who has much waiting keeps nobody from being
    next. For whoever holds a lock."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[W]] = OrderedDict()  # by holder

    def put(self, holder: str, waiting: W) -> None:
        self._waiting.setdefault(holder, deque()).append(waiting)

    def take(self) -> W | None:
        if not self._waiting:
            return None
        holder, queue = self._waiting.popitem(last=False)
        taken = queue.popleft()
        if queue:
            self._waiting[holder] = queue  # behind all others
        return taken


class Threads(Executor):
    """Runs calls in at most ``most`` threads.

    The thread that became free last is asked first, so that few are busy while few are needed;
    the others end after ``idle_seconds`` without a call. Calls that wait are taken in turns.
    """

    def __init__(self, most: int, *, idle_seconds: float) -> None:
        self._most = most
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._count = 0
        self._idle: list[_Thread] = []
        self._waiting: Turns[_Call] = Turns()

    @property
    def count(self) -> int:
        return self._count

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self.submit_for("", fn, *args, **kwargs)

    def submit_for(
        self, holder: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run a call for somebody."""
        call = _Call(traces.carried(fn), args, kwargs)
        with self._lock:
            if self._idle:
                self._idle.pop().give(call)
            elif self._count < self._most:
                _Thread(self, call).start()
                self._count += 1
            else:
                self._waiting.put(holder, call)
        return call.future

    def next_call(self, thread: "_Thread") -> "_Call | None":
        """What a thread is to do after a call; ``None`` when it is to end."""
        with self._lock:
            if call := self._waiting.take():
                return call
            self._idle.append(thread)
        thread.wait(self._idle_seconds)
        with self._lock:
            if thread in self._idle:
                self._idle.remove(thread)
                self._count -= 1
            return thread.take()


class _Call:
    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.future: Future[Any] = Future()
        self._function = function
        self._args = args
        self._kwargs = kwargs

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._function(*self._args, **self._kwargs)
        except BaseException as error:  # it is raised where the result is waited for
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Thread(threading.Thread):
    def __init__(self, threads: Threads, call: _Call) -> None:
        super().__init__(name="request", daemon=True)
        self._threads = threads
        self._call: _Call | None = call
        self._arrival = threading.Event()

    def run(self) -> None:
        call = self.take()
        while call:
            call.run()
            del call  # with what it holds, while there is no other
            call = self._threads.next_call(self)
        connections.close_all()

    def give(self, call: _Call) -> None:
        self._call = call
        self._arrival.set()

    def wait(self, seconds: float) -> None:
        self._arrival.wait(seconds)

    def take(self) -> _Call | None:
        """What was given, once."""
        self._arrival.clear()
        call, self._call = self._call, None
        return call
