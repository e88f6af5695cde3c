"""How to push into a namespace of this registry, tool by tool."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tool:
    """``note`` says what must be set up first, where there is such a thing."""

    name: str
    title: str
    commands: Sequence[str]
    note: str = ""


def push_commands(host: str, namespace: str, *, is_secure: bool) -> Sequence[Tool]:
    plain = "" if is_secure else " --plain-http"
    unverified = "" if is_secure else " --tls-verify=false"
    to = f"{host}/{namespace}"
    return (
        Tool(
            "helm",
            "Helm",
            (
                f"helm registry login {host}{plain}",
                f"helm push CHART-0.1.0.tgz oci://{to}{plain}",
            ),
        ),
        Tool(
            "podman",
            "podman",
            (
                f"podman login {host}{unverified}",
                f"podman push{unverified} localhost/IMAGE {to}/IMAGE:TAG",
            ),
        ),
        Tool(
            "docker",
            "docker",
            (
                f"docker login {host}",
                f"docker tag IMAGE {to}/IMAGE:TAG",
                f"docker push {to}/IMAGE:TAG",
            ),
            "" if is_secure else docker_note(host),
        ),
        Tool(
            "oras",
            "ORAS",
            (f"oras login {host}{plain}", f"oras push{plain} {to}/NAME:TAG FILE"),
        ),
        Tool(
            "skopeo",
            "skopeo",
            (
                f"skopeo login {host}{unverified}",
                f"skopeo copy{' --dest-tls-verify=false' if not is_secure else ''}"
                f" docker://SOURCE docker://{to}/IMAGE:TAG",
            ),
        ),
    )


def docker_note(host: str) -> str:
    return (
        f'Docker speaks to {host} without TLS only when its daemon.json lists "{host}" under'
        ' "insecure-registries"; localhost needs no such entry.'
    )
