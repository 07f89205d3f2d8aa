"""A Kubernetes API with one node, for the real kubectl."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NODES = {"name": "nodes", "singularName": "node", "namespaced": False, "kind": "Node", "verbs": ["get"]}
_DISCOVERY: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [_NODES]},
}


def node(name: str, **conditions: tuple[str, str]) -> dict[str, Any]:
    """A node with conditions: the status and the message of each."""
    found = [{"type": kind, "status": status, "message": message} for kind, (status, message) in conditions.items()]
    return {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}, "status": {"conditions": found}}


def refusal(message: str) -> dict[str, Any]:
    """What the API says when it fails."""
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": 500}


@contextmanager
def api(answers: dict[str, Any], credentials: Path, name: str = "localhost") -> Iterator[int]:
    """An API that answers paths with these objects or texts, and credentials that lead to it; gives its port."""
    known = _DISCOVERY | answers

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = known.get(self.path.partition("?")[0])
            failed = found is None or (isinstance(found, dict) and found.get("kind") == "Status")
            body = found if isinstance(found, str) else json.dumps(found or refusal(f"{self.path} is not there"))
            self.send_response((404 if found is None else 500) if failed else 200)
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _write(credentials, f"http://{name}:{server.server_port}")
        try:
            yield server.server_port
        finally:
            server.shutdown()


def _write(credentials: Path, server: str) -> None:
    cluster = {"name": "home", "cluster": {"server": server}}
    context = {"name": "home", "context": {"cluster": "home", "user": "admin"}}
    config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
    credentials.write_text(json.dumps(config | {"current-context": "home", "users": [{"name": "admin", "user": {}}]}))
