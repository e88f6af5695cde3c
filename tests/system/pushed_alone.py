"""Pushes to a registry in this process, or reads from one: ``python -m tests.system.pushed_alone``.

Arguments: ``push`` or ``read``, a file, and ``unsynced`` where nothing is to be synced. What was
acknowledged goes to the file line by line, each before the next push; or is read from there.
"""

import base64
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import django

from tests.live import ADMIN_PASSWORD

NAME = "admin/powercut"
ROUNDS = 6
OCTETS = "application/octet-stream"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LARGE_BYTES = 80 * 1024  # more than comes before a request is looked at


def main(what: str, file: Path, *options: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    if "unsynced" in options:
        os.fsync = lambda _file: None  # type: ignore[assignment]
    if what == "push":
        push(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    else:
        read(file.read_text().splitlines())


def push(acknowledged: int) -> None:
    from django.db import connection

    from artifacts.oci.digest import Digest

    client, chance = _client(), random.Random(1)
    # Pages go from the log to the database more often than they would.
    connection.cursor().execute("PRAGMA wal_autocheckpoint = 40")
    path = f"/v2/{NAME}/blobs/uploads/"

    def told(answer: Any, kind: str, digest: object) -> None:
        assert answer.status_code == 201, answer.content
        os.write(acknowledged, f"{kind}/{digest}\n".encode())

    def opened() -> str:
        return str(client.post(path).headers["Location"])

    for _ in range(ROUNDS):
        digests = []
        for size in (0, 1000, _LARGE_BYTES):
            content = chance.randbytes(size)
            digest = Digest.of(content)
            answer = client.put(f"{opened()}?digest={digest}", content, OCTETS)
            told(answer, "blobs", digest)
            content = chance.randbytes(size)
            digest = Digest.of(content)
            answer = client.generic("POST", f"{path}?digest={digest}", content, OCTETS)
            told(answer, "blobs", digest)
            content = chance.randbytes(size + 2)
            digest = Digest.of(content)
            location = opened()
            client.patch(location, content[: size // 2], OCTETS)
            client.patch(location, content[size // 2 : -1], OCTETS)
            told(client.put(f"{location}?digest={digest}", content[-1:], OCTETS), "blobs", digest)
            digests.append((str(digest), len(content)))
        descriptors = [
            {"mediaType": "application/x-any", "digest": digest, "size": size}
            for digest, size in digests
        ]
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptors[0]}
        body = json.dumps(document | {"layers": descriptors[1:]}).encode()
        digest = Digest.of(body)
        told(client.put(f"/v2/{NAME}/manifests/v1", body, MANIFEST), "manifests", digest)


def read(acknowledged: list[str]) -> None:
    from artifacts.oci.digest import Digest

    client = _client()
    for line in acknowledged:
        answer: Any = client.get(f"/v2/{NAME}/{line}")
        assert answer.status_code == 200, line
        content = b"".join(answer) if answer.streaming else answer.content
        assert str(Digest.of(content)) == line.partition("/")[2], line


def _client() -> Any:
    from django.test import Client

    login = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    return Client(headers={"Authorization": f"Basic {login}"})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
