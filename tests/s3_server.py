"""A real S3 server on a folder of this machine: versitygw."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from tests.clients.run import client
from tests.live import free_port

ACCESS_KEY = "berth-tests"
SECRET_KEY = "a-secret-that-is-in-no-answer"
_START_SECONDS = 30


@dataclass(slots=True)
class S3Server:
    """``stop`` and ``start``, as often as wanted. Address and content stay the same."""

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        buckets = self.folder / "buckets"
        buckets.mkdir(exist_ok=True)
        keys = {"ROOT_ACCESS_KEY_ID": ACCESS_KEY, "ROOT_SECRET_ACCESS_KEY": SECRET_KEY}
        address = f"127.0.0.1:{self.port}"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--quiet", "--port", address, "posix", str(buckets)],
                env={"PATH": os.environ["PATH"], **keys},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(_START_SECONDS)
            self.process = None

    def parameters(self, **others: Any) -> dict[str, Any]:
        """Parameters of ``S3Storage`` for a new, empty bucket."""
        name = f"bucket-{uuid4().hex[:12]}"
        (self.folder / "buckets" / name).mkdir()
        return {
            "s3_bucket": name,
            "storage_path": "some/folder",
            "s3_access_key": ACCESS_KEY,
            "s3_secret_key": SECRET_KEY,
            "s3_region": "us-east-1",
            "endpoint_url": self.url,
            **others,
        }

    def environment(self, **others: Any) -> dict[str, str]:
        """Variables of a Berth that keeps its blobs in a new bucket."""
        config = {"default": ["S3Storage", self.parameters(**others)]}
        return {"BERTH_DISTRIBUTED_STORAGE_CONFIG": yaml.safe_dump(config, default_flow_style=True)}

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def frozen(server: S3Server) -> Iterator[None]:
    """Meanwhile the server says nothing. Its connections stay."""
    assert server.process
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@contextmanager
def running_s3_server(folder: Path) -> Iterator[S3Server]:
    """Skips the test when there is no versitygw, or fails it where everything is required."""
    folder.mkdir(parents=True, exist_ok=True)
    server = S3Server(client("versitygw"), folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()
