"""One blob on its way in, in any style, that can be gone on with after the server died."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.conformance.client import Answer
from tests.conformance.content import digest_of
from tests.conformance.repository import OCTETS, Repository, closing


@dataclass(slots=True)
class Upload:
    """``acknowledged`` is how many bytes the server said it has; it may not have fewer later.

    The first chunk has two bytes or more: ``Range: 0-0`` means one byte, or none.
    """

    repository: Repository
    content: bytes
    random: Random
    location: str = ""
    acknowledged: int = 0
    is_closing: bool = False
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        self.digest = digest_of(self.content)

    def push(self) -> None:
        """The whole way, from the beginning."""
        styles: list[Callable[[], None]] = [
            self._in_one_request,
            self._by_put,
            self._in_chunks,
            self._as_stream,
        ]
        self.location, self.acknowledged, self.is_closing = "", 0, False
        self.random.choice(styles)()

    def go_on(self) -> None:
        """After a restart: from where the server says it stands, or from the beginning.

        A session is there after its POST was answered; it may be gone only if
        the request that closes it was under way.
        """
        if not self.location:
            self.push()
            return
        status = self.repository.client.get(self.location)
        if status.status == 404 and self.is_closing:
            self.push()
            return
        assert status.status == 204, (status, self)
        offset = self.repository.offset(self.location)
        assert self.acknowledged <= offset <= len(self.content), (status, self)
        self.acknowledged = offset
        if self._is_lost():
            self.push()
            return
        self._rest()

    def _in_one_request(self) -> None:
        path = self.repository.uploads(digest=self.digest)
        _expect(self.repository.client.post(path, body=self.content, headers=OCTETS), 201)

    def _by_put(self) -> None:
        self._open()
        self._close(self.content)

    def _in_chunks(self) -> None:
        self._open()
        self._rest()

    def _as_stream(self) -> None:
        self._open()
        middle = self.random.randrange(1, len(self.content))
        pieces = [self.content[:middle], self.content[middle:]]
        self._acknowledge(self.repository.client.patch(self.location, body=pieces))
        self._close(b"")

    def _open(self) -> None:
        answer = self.repository.client.post(self.repository.uploads())
        self.location = _expect(answer, 202).header("Location")

    def _rest(self) -> None:
        """What the server does not have yet: some chunks, then the closing request."""
        for _ in range(self.random.randrange(4)):
            start = self.acknowledged
            end = min(start + self.random.randrange(2, len(self.content)), len(self.content))
            if start == end:
                break
            headers = [*OCTETS, ("Content-Range", f"{start}-{end - 1}")]
            body = self.content[start:end]
            self._acknowledge(
                self.repository.client.patch(self.location, body=body, headers=headers)
            )
        self._close(self.content[self.acknowledged :])

    def _acknowledge(self, answer: Answer) -> None:
        last = _expect(answer, 202).header("Range").removeprefix("0-")
        self.acknowledged = int(last) + 1

    def _close(self, rest: bytes) -> None:
        self.is_closing = True
        path = closing(self.location, self.digest)
        _expect(self.repository.client.put(path, body=rest, headers=OCTETS), 201)

    def _is_lost(self) -> bool:
        """Whether the closing request had taken the bytes away when the server died.

        The client is told so, and begins again.
        """
        if not self.is_closing or not self.acknowledged:
            return False
        answer = self.repository.client.patch(self.location, body=b"", headers=OCTETS)
        if answer.status == 404:
            return True
        assert answer.status == 202, (answer, self)
        return False


def _expect(answer: Answer, status: int) -> Answer:
    assert answer.status == status, (status, answer)
    return answer
