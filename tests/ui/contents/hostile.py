"""Content of every kind whose every text is one that somebody made up.

``@`` stands for that text in each document, as a key and as a value. ``Change`` makes of a
document what is pushed: it fills in a text, or spoils what else it likes.
"""

import base64
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from artifacts.signatures.claims import DSSE, IN_TOTO, SIMPLE_SIGNING
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.artifacts.signatures.signing import ANNOTATION, BUNDLE
from tests.registry.api.docker_v1.schema1.made import schema1, v1_image, written
from tests.registry.builders import descriptor, hold, push
from tests.ui.contents.pushed import about, push_artifact, push_full_chart, push_image

Change = Callable[[Any], Any]

TITLE = "org.opencontainers.image.title"
NOTES = {"@": "@", TITLE: "@", "org.opencontainers.image.description": "@"}
CONFIG = {
    "architecture": "@",
    "os": "@",
    "os.version": "@",
    "os.features": ["@"],
    "variant": "@",
    "author": "@",
    "created": "@",
    "config": {
        "User": "@",
        "Env": ["@", "A=@"],
        "Entrypoint": ["@"],
        "Cmd": ["@"],
        "Labels": {"@": "@", "quay.expires-after": "@", "quay.immutable": "@"},
        "ExposedPorts": {"@": {}},
        "Volumes": {"@": {}},
        "WorkingDir": "@",
        "StopSignal": "@",
        "Healthcheck": {"Test": ["@"]},
    },
    "history": [{"created_by": "@", "created": "@", "comment": "@", "author": "@"}],
}
PLATFORM = {"os": "@", "architecture": "@", "variant": "@", "os.version": "@", "features": ["@"]}
CHART = {
    "apiVersion": "v2",
    "name": "etherpad",
    "version": "0.0.4",
    "appVersion": "@",
    "kubeVersion": "@",
    "description": "@",
    "home": "@",
    "icon": "@",
    "keywords": ["@"],
    "sources": ["@"],
    "maintainers": [{"name": "@", "email": "@", "url": "@"}],
    "annotations": {"@": "@"},
    "dependencies": [
        {"name": "@", "version": "@", "repository": "@", "condition": "@", "alias": "@"}
    ],
}
SPDX = {
    "spdxVersion": "SPDX-2.3@",
    "name": "@",
    "packages": [
        {
            "name": "@",
            "versionInfo": "@",
            "licenseConcluded": "@",
            "primaryPackagePurpose": "@",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": "@"}],
        }
    ],
}
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "@",
    "metadata": {"component": {"name": "@"}},
    "components": [
        {
            "group": "@",
            "name": "@",
            "version": "@",
            "type": "@",
            "purl": "@",
            "licenses": [{"license": {"id": "@", "name": "@"}}],
        }
    ],
}
SYFT = {
    "schema": {"version": "@", "url": "https://syft/@"},
    "source": {"name": "@"},
    "artifacts": [{"name": "@", "version": "@", "type": "@", "purl": "@", "licenses": ["@"]}],
}
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "@", "digest": {"@": "@", "sha256": "@"}}],
    "predicateType": "https://slsa.dev/provenance/@",
    "predicate": {
        "@": "@",
        "buildDefinition": {
            "buildType": "@",
            "resolvedDependencies": [{"uri": "@", "digest": {"@": "@"}}],
        },
        "runDetails": {
            "builder": {"id": "@"},
            "metadata": {"invocationId": "@", "startedOn": "@", "finishedOn": "@"},
        },
    },
}
PAYLOAD = {
    "critical": {
        "type": "cosign container image signature",
        "identity": {"docker-reference": "@"},
        "image": {"docker-manifest-digest": "@"},
    },
    "optional": {"@": "@"},
}


def filled(text: str) -> Change:
    """Every ``@`` becomes ``text``."""

    def change(value: Any) -> Any:
        match value:
            case str():
                return value.replace("@", text)
            case dict():
                return {change(key): change(item) for key, item in value.items()}
            case list():
                return [change(item) for item in value]
        return value

    return change


def push_all(
    repository: Repository, change: Change, text: str, brief: Change | None = None
) -> Iterator[Manifest]:
    """One of each kind, some of them attached to the first. ``text`` goes where no JSON is, and
    ``brief`` changes the manifests themselves, which no door takes beyond 4 MiB."""
    brief = brief or change
    image = push_image(
        repository, tar(text), reference="image", config=change(CONFIG), annotations=brief(NOTES)
    )
    yield image
    yield _index(repository, image, brief)
    yield _chart(repository, change)
    yield _schema1(repository, brief)
    subject = about(image)
    for kind, content in (
        ("application/spdx+json", change(SPDX)),
        ("application/vnd.cyclonedx+json", change(CYCLONEDX)),
        ("application/vnd.syft+json", change(SYFT)),
        (IN_TOTO, change(STATEMENT)),
        (DSSE, envelope(change(STATEMENT), text)),
        (BUNDLE, {"mediaType": BUNDLE, "dsseEnvelope": envelope(change(STATEMENT), text)}),
        (BUNDLE, change({"mediaType": BUNDLE, "verificationMaterial": {"@": "@"}})),
        ("text/markdown", change("# @\n\n[@](@) `@`\n\n| @ |\n|---|\n| @ |\n")),
        ("application/vnd.example", change({"@": "@"})),
    ):
        layer = (json.dumps(content).encode(), kind, brief(NOTES))
        yield push_artifact(
            repository, layer, artifactType=kind, subject=subject, annotations=brief(NOTES)
        )
    signature = (json.dumps(change(PAYLOAD)).encode(), SIMPLE_SIGNING, brief({ANNOTATION: "@"}))
    tag = f"{image.digest.replace(':', '-')}.sig"
    yield push_artifact(repository, signature, reference=tag)
    named = (b"content", "application/vnd.example", brief(NOTES))
    yield push_artifact(repository, named, reference="named", artifactType="application/vnd.x")


def envelope(statement: Any, text: str) -> dict[str, Any]:
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    signature = {"keyid": text, "sig": base64.b64encode(b"none").decode()}
    return {"payloadType": IN_TOTO, "payload": payload, "signatures": [signature]}


def tar(text: str) -> bytes:
    """An archive with a file, a link and an owner of that name; what is no text as its bytes."""
    name = text.encode("utf-8", "surrogatepass").replace(b"\x00", b"")[:5000]
    escaped = name.decode("utf-8", "surrogateescape")
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape"
    ) as archive:
        member = tarfile.TarInfo(f"srv/{escaped}")
        member.uname = "x"
        archive.addfile(member)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, escaped
        archive.addfile(link)
    return buffer.getvalue()


def _index(repository: Repository, image: Manifest, change: Change) -> Manifest:
    entry = {**descriptor(bytes(image.body), OCI_MANIFEST), "platform": change(PLATFORM)}
    proof = {
        **entry,
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": change("@"),
        },
    }
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{**entry, "annotations": change(NOTES)}, proof],
        "annotations": change(NOTES),
    }
    return push(repository, json.dumps(document).encode(), "index")


def _chart(repository: Repository, change: Change) -> Manifest:
    files = {
        "Chart.yaml": json.dumps(change(CHART)).encode(),
        "README.md": change("# @\n\n@ [@](@)").encode("utf-8", "surrogatepass"),
        "values.yaml": json.dumps(change({"@": "@"})).encode(),
        "values.schema.json": json.dumps(change({"@": "@"})).encode(),
    }
    return push_full_chart(repository, files)


def _schema1(repository: Repository, change: Change) -> Manifest:
    hold(repository, b"layer", b"{}")
    document = schema1(descriptor(b"layer")["digest"], name=repository.path, tag="old")
    said = {"architecture": "@", "created": "@", "container_config": {"Cmd": ["@"]}, **CONFIG}
    document["history"] = [v1_image("a" * 64, **change(said))]
    return push(repository, written(document), "old")
