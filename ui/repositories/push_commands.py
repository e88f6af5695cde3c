"""How to push into one repository, tool by tool."""

from collections.abc import Sequence

from ui.namespaces.push_commands import Tool, docker_note


def push_commands(host: str, path: str, *, is_secure: bool) -> Sequence[Tool]:
    plain = "" if is_secure else " --plain-http"
    unverified = "" if is_secure else " --tls-verify=false"
    place, above = f"{host}/{path}", f"{host}/{path}".rpartition("/")[0]
    name = path.rpartition("/")[2]
    return (
        Tool(
            "helm",
            "Helm",
            (
                f"helm registry login {host}{plain}",
                f"helm push {name}-0.1.0.tgz oci://{above}{plain}",
            ),
            f"The chart must be called {name}: Helm adds its name to the address.",
        ),
        Tool(
            "podman",
            "podman",
            (
                f"podman login {host}{unverified}",
                f"podman push{unverified} localhost/IMAGE {place}:TAG",
            ),
        ),
        Tool(
            "docker",
            "docker",
            (f"docker login {host}", f"docker tag IMAGE {place}:TAG", f"docker push {place}:TAG"),
            "" if is_secure else docker_note(host),
        ),
        Tool(
            "oras",
            "ORAS",
            (f"oras login {host}{plain}", f"oras push{plain} {place}:TAG FILE"),
        ),
    )
