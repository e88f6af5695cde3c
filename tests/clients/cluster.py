"""As much of a Kubernetes API as helm and kubectl ask for: it keeps what it is given."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_KINDS = [
    {
        "name": f"{kind.lower()}s",
        "singularName": kind.lower(),
        "namespaced": True,
        "kind": kind,
        "verbs": ["create", "delete", "get", "list", "patch", "update"],
    }
    for kind in ("ConfigMap", "Secret", "ServiceAccount")
]
_ANSWERS: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": _KINDS},
    "/openapi/v3": {"paths": {}},
}
_NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound"}


Objects = dict[str, dict[str, Any]]  # by their paths


class _Cluster(ThreadingHTTPServer):
    objects: Objects


class _Handler(BaseHTTPRequestHandler):
    server: _Cluster

    def do_GET(self) -> None:
        path = self._path
        self._answer(_ANSWERS.get(path) or self.server.objects.get(path))

    def do_POST(self) -> None:
        given = self._given()
        self.server.objects[f"{self._path}/{given['metadata']['name']}"] = given
        self._answer(given)

    def do_PATCH(self) -> None:
        found = self.server.objects.get(self._path)
        if found is not None:
            found.update(self._given())
        self._answer(found)

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return given

    def _answer(self, found: dict[str, Any] | None) -> None:
        content = json.dumps(found or {**_NOT_FOUND, "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what helm asks is no output of a test."""


@contextmanager
def pretended_cluster(folder: Path, objects: Objects | None = None) -> Iterator[Path]:
    """The file for ``--kubeconfig`` that leads to a cluster with these objects, or with none."""
    with _Cluster(("127.0.0.1", 0), _Handler) as server:
        server.objects = {} if objects is None else objects
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        config = folder / "kubeconfig"
        config.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "empty", "cluster": {"server": address}}],
                    "users": [{"name": "nobody", "user": {}}],
                    "contexts": [
                        {"name": "empty", "context": {"cluster": "empty", "user": "nobody"}}
                    ],
                    "current-context": "empty",
                }
            )
        )
        try:
            yield config
        finally:
            server.shutdown()
            serving.join()
