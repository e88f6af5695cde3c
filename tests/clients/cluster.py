"""As much of a Kubernetes API as `helm install --dry-run` asks for before it renders a chart."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_CONFIG_MAP = {
    "name": "configmaps",
    "singularName": "configmap",
    "namespaced": True,
    "kind": "ConfigMap",
    "verbs": ["create", "delete", "get", "list", "patch", "update"],
}
_ANSWERS: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [_CONFIG_MAP]},
    "/openapi/v3": {"paths": {}},
}
_NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound"}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = _ANSWERS.get(self.path.partition("?")[0])
        content = json.dumps(found or {**_NOT_FOUND, "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what helm asks is no output of a test."""


@contextmanager
def pretended_cluster(folder: Path) -> Iterator[Path]:
    """The file for ``--kubeconfig`` that leads to an empty cluster."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
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
        yield config
        server.shutdown()
        serving.join()
