"""A mail server in a thread, over real sockets, that behaves as its script says.

``Script`` holds what it does at each step. Whatever is delivered is in ``mails``.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Script:
    """What the server answers to each verb; a callable does what it likes with the connection."""

    answers: dict[str, bytes | Callable[[socket.socket], None]] = field(default_factory=dict)
    greeting: bytes | Callable[[socket.socket], None] = b"220 mail.example ESMTP"
    features: tuple[bytes, ...] = ()
    tls: ssl.SSLContext | None = None
    is_encrypted_at_once: bool = False


@dataclass
class MailServer:
    script: Script = field(default_factory=Script)
    mails: list[bytes] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            opened.callback(connection.close)
            connection.settimeout(20)
            if self.script.is_encrypted_at_once:
                connection = self._encrypted(connection, opened)
            self._talk(connection, opened)

    def _encrypted(self, connection: socket.socket, opened: contextlib.ExitStack) -> ssl.SSLSocket:
        assert self.script.tls
        return opened.enter_context(self.script.tls.wrap_socket(connection, server_side=True))

    def _talk(self, connection: socket.socket, opened: contextlib.ExitStack) -> None:
        _do(connection, self.script.greeting)
        reader = opened.enter_context(connection.makefile("rb"))
        while line := reader.readline():
            verb = line.split()[0].decode("latin-1").upper() if line.split() else ""
            self.verbs.append(verb)
            answer = self.script.answers.get(verb)
            if verb == "DATA" and not callable(answer) and (answer or b"354").startswith(b"354"):
                connection.sendall(b"354 go on\r\n")
                mail = b"".join(iter(reader.readline, b".\r\n"))
                self.mails.append(mail)
                self.encrypted.append(isinstance(connection, ssl.SSLSocket))
                answer = self.script.answers.get(".", b"250 taken")
            elif verb == "EHLO" and answer is None:
                lines = [b"mail.example", *self.script.features]
                dashed = [b"250-" + line for line in lines[:-1]] + [b"250 " + lines[-1]]
                answer = b"\r\n".join(dashed)
            elif verb == "STARTTLS" and answer is None and self.script.tls:
                connection.sendall(b"220 go on\r\n")
                connection = self._encrypted(connection, opened)
                reader = opened.enter_context(connection.makefile("rb"))
                continue
            _do(connection, answer if answer is not None else b"250 fine")
            if verb == "QUIT":
                return


def _do(connection: socket.socket, answer: bytes | Callable[[socket.socket], None]) -> None:
    if callable(answer):
        answer(connection)
    else:
        connection.sendall(answer + b"\r\n")


@contextmanager
def mail_server(script: Script | None = None) -> Iterator[MailServer]:
    """It listens on ``port`` of 127.0.0.1 until the end."""
    server = MailServer(script or Script())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        threads: list[threading.Thread] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threads.append(
                        threading.Thread(target=server._serve, args=(connection,), daemon=True)
                    )
                    threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)
            for thread in threads:
                thread.join(5)
