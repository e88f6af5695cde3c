"""The versions of helm, and charts to push with them."""

from dataclasses import dataclass
from pathlib import Path

from tests.clients.content import untar
from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import Home, client

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-etherpad
data:
  title: {{ .Values.title | quote }}
"""


@dataclass(frozen=True)
class Helm:
    """One version of helm, told about the registry only by its own options."""

    name: str
    home: Home
    registry: Registry

    def __call__(self, *arguments: str) -> str:
        return self.home.run(client(self.name), *arguments)

    def refused(self, *arguments: str) -> str:
        return self.home.refused(client(self.name), *arguments)

    def login(self, login: Login) -> str:
        return self.home.said(*self._login(login), stdin=login.password)

    def login_refused(self, login: Login) -> str:
        return self.home.refused(*self._login(login), stdin=login.password)

    @property
    def trust(self) -> str:
        ca_file = self.registry.ca_file
        return f"--ca-file={ca_file}" if ca_file else "--plain-http"

    def _login(self, login: Login) -> list[str]:
        command = [client(self.name), "registry", "login", self.trust]
        return [*command, "--username", login.name, "--password-stdin", self.registry.host]


def write_chart(folder: Path, version: str = "0.0.4") -> Path:
    """The sources of a chart named etherpad."""
    source = folder / "etherpad"
    (source / "templates").mkdir(parents=True)
    (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: etherpad\nversion: {version}\n")
    (source / "values.yaml").write_text("title: Welcome\n")
    (source / "templates" / "configmap.yaml").write_text(CONFIG_MAP)
    return source


def package(helm: Helm, folder: Path, version: str = "0.0.4") -> Path:
    """Package a chart named etherpad; answer the archive."""
    helm("package", str(write_chart(folder, version)), f"--destination={folder}")
    chart = folder / f"etherpad-{version}.tgz"
    assert "etherpad/Chart.yaml" in untar(chart.read_bytes())
    return chart
