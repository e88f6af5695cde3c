"""Runs the real clients: each in a home of its own, with a time limit, kept on this machine."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BUILT_CLIENTS = Path(__file__).resolve().parents[2] / ".clients" / "bin"
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
TIMEOUT_SECONDS = 120

#: Whatever a client wants from anywhere else fails at once instead of waiting for the network.
ON_THIS_MACHINE = {
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Home:
    """A folder that one client takes for its whole world, and the environment that says so."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing is inherited: a login or a setting of the developer must not reach a test."""
        folders = {"HOME": self.folder}
        for variable in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"):
            folders[f"XDG_{variable}"] = self.folder / variable.lower()
        folders["TMPDIR"] = self.folder / "tmp"
        for folder in folders.values():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = {name: str(folder) for name, folder in folders.items()}
        return {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", **ON_THIS_MACHINE, **paths, **self.extra}

    def run(self, *command: str | Path, stdin: str = "") -> str:
        """Run to success; answer what it wrote to standard output, stripped."""
        result = self._run(command, stdin)
        assert result.returncode == 0, _story(command, result)
        return result.stdout.strip()

    def said(self, *command: str | Path, stdin: str = "") -> str:
        """Run to success; answer everything it wrote, for clients that report on stderr."""
        result = self._run(command, stdin)
        assert result.returncode == 0, _story(command, result)
        return result.stdout + result.stderr

    def refused(self, *command: str | Path, stdin: str = "") -> str:
        """Run to failure; answer everything it wrote, which is what a person would read."""
        result = self._run(command, stdin)
        assert result.returncode != 0, _story(command, result)
        return result.stdout + result.stderr

    def succeeds(self, *command: str | Path) -> bool:
        """Whether it runs to success."""
        return self._run(command, "").returncode == 0

    def _run(self, command: tuple[str | Path, ...], stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )


def find_client(name: str) -> str | None:
    """Where a client is: built by `make clients`, or installed on the system."""
    return shutil.which(name, path=os.pathsep.join([str(BUILT_CLIENTS), SYSTEM_PATH]))


def client(name: str) -> str:
    """A client's path. Without it the test is skipped, or fails where everything is required."""
    if found := find_client(name):
        return found
    reason = f"client {name} is not installed (make clients)"
    if os.environ.get("BERTH_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _story(command: tuple[str | Path, ...], result: subprocess.CompletedProcess[str]) -> str:
    words = " ".join(str(part) for part in command)
    return f"{words}\nexit {result.returncode}\n{result.stdout}\n{result.stderr}"
