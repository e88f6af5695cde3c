"""How to push to this registry, tool by tool."""

from collections.abc import Sequence
from dataclasses import dataclass

from ui.commands.address import Registry
from ui.commands.login import log_in


@dataclass(frozen=True, slots=True)
class Tool:
    """``note`` says what must be known first, where there is such a thing."""

    name: str
    title: str
    commands: Sequence[str]
    note: str = ""


def into_namespace(registry: Registry, namespace: str) -> Sequence[Tool]:
    to = f"{registry.host}/{namespace}"
    copy = f"skopeo copy{registry.option('skopeo copy to')} docker://SOURCE docker://{to}/IMAGE:TAG"
    return (
        _helm(registry, "CHART-0.1.0.tgz", to),
        *_images(registry, f"{to}/IMAGE:TAG"),
        _oras(registry, f"{to}/NAME:TAG"),
        Tool("skopeo", "skopeo", (log_in("skopeo", registry), copy)),
    )


def into_repository(registry: Registry, path: str) -> Sequence[Tool]:
    to = f"{registry.host}/{path}"
    above, _, name = to.rpartition("/")
    note = f"The chart must be called {name}: Helm adds its name to the address."
    return (
        _helm(registry, f"{name}-0.1.0.tgz", above, note),
        *_images(registry, f"{to}:TAG"),
        _oras(registry, f"{to}:TAG"),
    )


def push_image(registry: Registry, name: str, image: str = "") -> str:
    """``name`` below the registry; ``image`` is what it is called so far, empty where the same."""
    source = f" {image}" if image else ""
    return f"podman push{registry.option('podman')}{source} {registry.host}/{name}"


def push_chart(registry: Registry, archive: str, namespace: str) -> str:
    return f"helm push{registry.option('helm')} {archive} oci://{registry.host}/{namespace}"


def _helm(registry: Registry, archive: str, above: str, note: str = "") -> Tool:
    push = f"helm push {archive} oci://{above}{registry.option('helm')}"
    return Tool("helm", "Helm", (log_in("helm", registry), push), note)


def _images(registry: Registry, to: str) -> Sequence[Tool]:
    podman = f"podman push{registry.option('podman')} localhost/IMAGE {to}"
    docker = (f"docker tag IMAGE {to}", f"docker push {to}")
    return (
        Tool("podman", "podman", (log_in("podman", registry), podman)),
        Tool("docker", "docker", (log_in("docker", registry), *docker), registry.docker_note),
    )


def _oras(registry: Registry, to: str) -> Tool:
    push = f"oras push{registry.option('oras')} {to} FILE"
    return Tool("oras", "ORAS", (log_in("oras", registry), push))
