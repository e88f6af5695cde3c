"""A registry under measurement: where it is, who logs in, which processes it is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import load, processes
from .connection import Address, Connection
from .measures import Measure, Stock, fill
from .tokens import Login


@dataclass
class Target:
    name: str
    address: Address
    repository: str
    user: str = ""
    password: str = ""
    pids: set[int] = field(default_factory=set)  # roots of its processes; empty: unknown
    make_tags: Callable[[int], str] | None = None  # that many; tells the repository they are in
    peak_bytes: int = 0
    rest_bytes: int = 0

    def __post_init__(self) -> None:
        self._login = Login(self.address, self.user, self.password)
        self._stock: Stock | None = None

    @property
    def stock(self) -> Stock:
        if self._stock is None:
            raise RuntimeError("fill() comes first")
        return self._stock

    def fill(self, sizes: set[int], *, tags: int) -> None:
        """Measure the memory at rest, then push what the measures read.

        Args:
            tags: how many one more repository is to have, where that can be made; 0: none.
        """
        self.rest_bytes = processes.used_bytes(self.pids)
        many_tags = self.make_tags(tags) if self.make_tags and tags else ""
        with self.connect() as connection:
            stock = fill(connection, self.repository, sizes)
        self._stock = replace(
            stock, many_tags=many_tags, token_path=self._login.token_path(self.repository)
        )

    def run(self, measure: Measure, connections: int) -> load.Sample | None:
        """One sample; ``None`` where the registry has no such thing."""
        operation = measure.prepare(self.stock)
        if operation is None:
            return None
        repository = measure.repository_of(self.stock)
        self._login.authorization(repository)  # renewed here, not once in every process
        before = processes.processor_seconds(self.pids)
        sample = load.run(
            operation,
            connect=lambda: self.connect(repository, by_password=measure.by_password),
            connections=connections,
            seconds=measure.seconds,
            meanwhile=self._note_memory,
        )
        used = processes.processor_seconds(self.pids) - before
        return replace(sample, processor_seconds=used / len(sample.latencies))

    def connect(self, repository: str = "", *, by_password: bool = False) -> Connection:
        return Connection(self.address, authorization=self.authorization(repository, by_password))

    def authorization(self, repository: str = "", by_password: bool = False) -> str | None:
        if by_password:
            return self._login.basic()
        return self._login.authorization(repository or self.repository)

    def _note_memory(self) -> None:
        self.peak_bytes = max(self.peak_bytes, processes.used_bytes(self.pids))
