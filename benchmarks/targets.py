"""A registry under measurement: where it is, who logs in, which processes it is."""

from dataclasses import dataclass, field

from . import load, memory
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
    peak_bytes: int = 0
    rest_bytes: int = 0

    def __post_init__(self) -> None:
        self._login = Login(self.address, self.user, self.password)
        self._stock: Stock | None = None

    def fill(self, sizes: set[int]) -> None:
        """Measure the memory at rest, then push what the measures read."""
        self.rest_bytes = memory.used_bytes(self.pids)
        with self._connect() as connection:
            self._stock = fill(connection, self.repository, sizes)

    def run(self, measure: Measure, connections: int) -> load.Sample:
        if self._stock is None:
            raise RuntimeError("fill() comes first")
        self._login.authorization(self.repository)  # renewed here, not once in every process
        return load.run(
            measure.prepare(self._stock),
            connect=self._connect,
            connections=connections,
            seconds=measure.seconds,
            meanwhile=self._note_memory,
        )

    def _connect(self) -> Connection:
        authorization = self._login.authorization(self.repository)
        return Connection(self.address, authorization=authorization)

    def _note_memory(self) -> None:
        self.peak_bytes = max(self.peak_bytes, memory.used_bytes(self.pids))
