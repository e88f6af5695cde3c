"""Handing mail to the mail server, in a conversation that ends.

``smtplib`` gives each read a deadline of its own, and follows a reply however long it gets. Here
a whole conversation has one deadline, and all that the server says one size.
"""

import contextlib
import smtplib
import socket
import time
from typing import Any, Final

from django.core.mail.backends.smtp import EmailBackend

CONVERSATION_SECONDS: Final = 30
TRIAL_SECONDS: Final = 10
_LARGEST_REPLIES: Final = 64 * 1024  # bytes
_PIECE: Final = 4096


class ServerTooTalkative(OSError):
    """The mail server says more than any has to say."""


class Delivery(EmailBackend):
    """Django's backend for SMTP, with an end. Each connection is for one message."""

    _partial_connection: smtplib.SMTP | None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _EncryptedConversation if self.use_ssl else _Conversation

    def open(self) -> bool | None:
        try:
            return super().open()
        finally:
            # One that came to nothing would stay open until somebody collects it.
            if (failed := self._partial_connection) is not None:
                self._partial_connection = None
                failed.close()

    def close(self) -> None:
        """The server has the mail, or has it not, whatever it says at the end."""
        connection, self.connection = self.connection, None
        if connection is None:
            return
        with contextlib.suppress(OSError):
            connection.quit()
        connection.close()


def try_server() -> None:
    """Begin a conversation as each mail does, with encryption and login, and end it.

    Raises ``OSError``, which all errors of ``smtplib`` are, within seconds.
    """
    delivery = _Trial(timeout=TRIAL_SECONDS)
    delivery.open()
    delivery.close()


class _Trial(Delivery):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _EncryptedTrial if self.use_ssl else _PlainTrial


class _Conversation(smtplib.SMTP):
    """A conversation with a deadline."""

    file: Any
    sock: Any

    is_trial = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        seconds = TRIAL_SECONDS if self.is_trial else CONVERSATION_SECONDS
        self._ends_at = time.monotonic() + seconds
        super().__init__(*args, **kwargs)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:  # also once more, after STARTTLS
            self.file = _Replies(self.sock, self._ends_at)
        return super().getreply()


class _EncryptedConversation(_Conversation, smtplib.SMTP_SSL):
    pass


class _PlainTrial(_Conversation):
    is_trial = True


class _EncryptedTrial(_EncryptedConversation):
    is_trial = True


class _Replies:
    """What a server says, line by line, as ``smtplib`` reads it from a file."""

    def __init__(self, connection: socket.socket, ends_at: float) -> None:
        self._connection = connection
        self._ends_at = ends_at
        self._room = _LARGEST_REPLIES
        self._came = b""

    def readline(self, size: int) -> bytes:
        while b"\n" not in self._came and len(self._came) < size:
            if not (piece := self._receive()):
                break
            self._came += piece
        end = min(self._came.find(b"\n") + 1 or len(self._came), size)
        line, self._came = self._came[:end], self._came[end:]
        return line

    def close(self) -> None:
        """The connection is closed by whom it belongs to."""

    def _receive(self) -> bytes:
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the mail server took too long")
        self._connection.settimeout(seconds)
        piece = self._connection.recv(_PIECE)
        self._room -= len(piece)
        if self._room < 0:
            raise ServerTooTalkative("the mail server says too much")
        return piece
