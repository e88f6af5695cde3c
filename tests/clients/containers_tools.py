"""What podman, skopeo and buildah have in common: how they trust a registry and log in."""

import shutil
from dataclasses import dataclass

from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import Home, client


@dataclass(frozen=True)
class ContainersTool:
    """One of the three, with storage, login and trusted authority of its own."""

    name: str
    home: Home
    registry: Registry

    def __call__(self, *arguments: str) -> str:
        return self.home.run(client(self.name), *self._storage(), *arguments)

    def refused(self, *arguments: str) -> str:
        return self.home.refused(client(self.name), *self._storage(), *arguments)

    def login(self, login: Login) -> str:
        return self.home.run(*self._login(login), stdin=login.password)

    def login_refused(self, login: Login) -> str:
        return self.home.refused(*self._login(login), stdin=login.password)

    def trust(self, prefix: str = "") -> list[str]:
        """Options that let it speak to the registry; skopeo has them per ``src-`` and ``dest-``."""
        if self.registry.ca_file is None:
            return [f"--{prefix}tls-verify=false"]
        folder = self.home.folder / "certificates"
        folder.mkdir(exist_ok=True)
        shutil.copy(self.registry.ca_file, folder / "ca.crt")
        return [f"--{prefix}cert-dir={folder}"]

    def _login(self, login: Login) -> list[str]:
        command = [client(self.name), "login", *self.trust(), "--username", login.name]
        return [*command, "--password-stdin", self.registry.host]

    def _storage(self) -> list[str]:
        if self.name == "skopeo":
            return []
        folders = [f"--root={self.home.folder}/s", f"--runroot={self.home.folder}/r"]
        options = [*folders, "--storage-driver=vfs"]
        if self.name == "podman":
            options += ["--events-backend=file", "--cgroup-manager=cgroupfs"]
        return options
