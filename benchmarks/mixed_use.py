"""All that people and programs do with a registry, at random and at once."""

import gzip
import http.client
import io
import json
import random
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.artifacts.charts.archives import archive
from tests.conformance.client import Client
from tests.conformance.content import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    descriptor,
    digest_of,
    image,
    index,
)
from tests.conformance.repository import Image, Repository, closing
from tests.live import RunningServer

from .pages import Visitor

REPOSITORIES = 8
IMAGES_TO_BEGIN_WITH = 4  # in each
CHARTS_TO_BEGIN_WITH = 40
FILES_IN_A_LAYER = 3000
LARGE_BYTES = 24 * 1024 * 1024
_TRIES = 20
_TIMEOUT_SECONDS = 120
_HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_HELM_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_SPDX = "application/spdx+json"


@dataclass
class Pushed:
    repository: str
    tag: str
    image: Image
    layer: str  # digest


@dataclass
class MixedUse:
    """Uses one registry. ``done`` counts what was done, ``failed`` what was not answered well."""

    server: RunningServer
    done: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _pushed: list[Pushed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self) -> None:
        """Push what is looked at later."""
        user = _User(self, random.Random(0))
        for number in range(REPOSITORIES * IMAGES_TO_BEGIN_WITH):
            user.push_image(f"admin/app-{number % REPOSITORIES}")
        for _ in range(CHARTS_TO_BEGIN_WITH):
            user.push_chart()

    def go_on(self, *, seconds: float, users: int) -> None:
        """Let so many users each do one thing after the other."""
        end = time.monotonic() + seconds
        seeds = random.Random(users)
        threads = [
            threading.Thread(target=self._use, args=(random.Random(seeds.random()), end))
            for _ in range(users)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _use(self, random_: random.Random, end: float) -> None:
        user = _User(self, random_)
        doings, weights = zip(*user.doings().items(), strict=True)
        while time.monotonic() < end:
            doing: Callable[[], object] = random_.choices(doings, weights)[0]
            name = doing.__name__
            try:
                doing()
            except (AssertionError, OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.failed.append(f"{name}: {error!r:.300}")
            with self._lock:
                self.done[name] = self.done.get(name, 0) + 1
        user.leave()

    def note(self, pushed: Pushed) -> None:
        with self._lock:
            self._pushed.append(pushed)

    def any(self, random_: random.Random) -> Pushed:
        with self._lock:
            return random_.choice(self._pushed)


class _User:
    """Somebody with a password, on a browser and on the command line."""

    def __init__(self, use: MixedUse, random_: random.Random) -> None:
        self._use = use
        self._random = random_
        server = use.server
        self._client = Client(server.host, "admin", server.admin_password)
        self._visitor: Visitor | None = None

    def doings(self) -> dict[Callable[[], object], int]:
        """What may be done, and how often compared with the others."""
        return {
            self.push_image: 4,
            self.push_chart: 2,
            self.push_large: 1,
            self.push_index: 1,
            self.push_sbom: 1,
            self.pull: 12,
            self.look: 12,
            self.look_at_layer: 3,
            self.compare: 3,
            self.read_chart_index: 2,
            self.sign_in: 1,
        }

    def push_image(self, name: str = "") -> None:
        repository = self._repository(name)
        content = self._layer()
        layer = repository.push_blob(content)
        config = repository.push_blob(self._config(), OCI_CONFIG)
        tag = f"v{self._random.randrange(10**9)}"
        pushed = repository.push_manifest(image(config, [layer]), tag)
        self._use.note(Pushed(repository.name, tag, pushed, digest_of(content)))

    def push_chart(self) -> None:
        version = f"{self._random.randrange(100)}.{self._random.randrange(10**6)}.0"
        fields = {"apiVersion": "v2", "name": "pad", "version": version, "description": "x" * 500}
        text = json.dumps(fields).encode()
        files = {"Chart.yaml": text, "values.yaml": b"a: 1\n" * 2000, "README.md": b"# Pad\n" * 500}
        repository = Repository(self._client, "admin/pad")
        content = repository.push_blob(archive(files, folder="pad"), _HELM_CONTENT)
        config = repository.push_blob(text, _HELM_CONFIG)
        repository.push_manifest(image(config, [content]), version)

    def push_large(self) -> None:
        """A blob by PATCH, in chunked transfer encoding, and its whole content again."""
        repository = self._repository()
        piece = self._random.randbytes(1024 * 1024)
        pieces = [piece] * (LARGE_BYTES // len(piece))
        digest = digest_of(b"".join(pieces))
        location = repository.open_upload()
        assert self._client.patch(location, body=pieces).status == 202
        assert self._client.put(closing(location, digest)).status == 201
        assert len(self._client.get(repository.blob(digest)).body) == LARGE_BYTES

    def push_index(self) -> None:
        name = f"admin/app-{self._random.randrange(REPOSITORIES)}"
        repository = Repository(self._client, name)
        images = {pushed.image.digest: pushed.image for pushed in self._several(name)}
        children = [
            pushed.descriptor(platform={"os": "linux", "architecture": f"a{number}"})
            for number, pushed in enumerate(images.values())
        ]
        repository.push_manifest(index(children), "all", OCI_INDEX)

    def push_sbom(self) -> None:
        pushed = self._any()
        repository = Repository(self._client, pushed.repository)
        packages = [
            {"name": f"package-{n}", "versionInfo": "1.0", "SPDXID": f"SPDXRef-{n}"}
            for n in range(1500)
        ]
        document = {"spdxVersion": "SPDX-2.3", "name": pushed.tag, "packages": packages}
        content = repository.push_blob(json.dumps(document).encode(), _SPDX)
        config = repository.push_blob(b"{}", "application/vnd.oci.empty.v1+json")
        subject = descriptor(pushed.image.body, OCI_MANIFEST)
        about = image(config, [content], subject=subject, artifactType=_SPDX)
        repository.push_manifest(about)

    def pull(self) -> None:
        pushed = self._any()
        repository = Repository(self._client, pushed.repository)
        assert self._client.get(repository.manifest(pushed.tag)).status == 200
        assert self._client.get(repository.blob(pushed.layer)).status == 200

    def look(self) -> None:
        pushed = self._any()
        place = f"/{pushed.repository}"
        pages = [
            *("/", "/explore", "/search?q=app", "/admin", "/docs/images"),
            *(f"{place}/-/tags", f"{place}/-/history", f"{place}/-/tags/{pushed.tag}"),
            *(place, f"{place}/-/activity", "/admin/pad/-/tags", "/admin/-/activity"),
            f"{place}/-/manifests/{pushed.image.digest}/referrers",
        ]
        self._page(self._random.choice(pages))

    def look_at_layer(self) -> None:
        pushed = self._any()
        manifest = f"/{pushed.repository}/-/manifests/{pushed.image.digest}"
        self._page(f"{manifest}/layers/{pushed.layer}")

    def compare(self) -> None:
        one, other = self._any(), self._any()
        self._page(f"/{one.repository}/-/compare?a={one.tag}&b={other.tag}")

    def read_chart_index(self) -> None:
        answer = self._client.send("GET", "/helm/admin/index.yaml", headers=self._client.basic())
        assert answer.status == 200, answer

    def sign_in(self) -> None:
        self.leave()
        self._page("/")

    def leave(self) -> None:
        if self._visitor is not None:
            self._visitor.connection.close()
            self._visitor = None

    def _page(self, path: str) -> None:
        server = self._use.server
        if self._visitor is None:
            connection = http.client.HTTPConnection(server.host, timeout=_TIMEOUT_SECONDS)
            self._visitor = Visitor(connection, {})
            self._visitor.sign_in("admin", server.admin_password)
        status, content = self._visitor.get(path)
        # Tags of other repositories are compared too, which is not found.
        assert status in {200, 404}, (path, status, content[:200])

    def _repository(self, name: str = "") -> Repository:
        return Repository(self._client, name or f"admin/app-{self._random.randrange(REPOSITORIES)}")

    def _any(self) -> Pushed:
        return self._use.any(self._random)

    def _several(self, name: str) -> list[Pushed]:
        pushes = (self._any() for _ in range(_TRIES))
        return [pushed for pushed in pushes if pushed.repository == name]

    def _layer(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for number in range(self._random.randrange(10, FILES_IN_A_LAYER)):
                member = tarfile.TarInfo(f"usr/lib/some/folder-{number % 50}/file-{number}.so")
                tar.addfile(member)
        return gzip.compress(buffer.getvalue(), 1) + gzip.compress(self._random.randbytes(2000))

    def _config(self) -> bytes:
        steps = [{"created_by": f"RUN step {n}", "empty_layer": n > 0} for n in range(40)]
        document = {"architecture": "amd64", "os": "linux", "history": steps}
        return json.dumps({**document, "id": self._random.random()}).encode()
