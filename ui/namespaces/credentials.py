"""What a robot's name and token are typed into, tool by tool.

Without the token, which is shown once, a shell variable stands in its place.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from ui.code import code_lines
from ui.namespaces.push_commands import docker_note

MAX_SECRET_NAME_LENGTH = 253  # of Kubernetes
_NOT_FOR_KUBERNETES = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Login:
    """Whose credentials, and for which registry. ``secret`` is empty when it is not known."""

    host: str
    is_secure: bool
    name: str
    secret: str = ""

    @property
    def kubernetes_name(self) -> str:
        """``acme+ci`` as Kubernetes can call a secret."""
        return _NOT_FOR_KUBERNETES.sub("-", self.name)[:MAX_SECRET_NAME_LENGTH].rstrip(".-")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One tool's section: commands to run, or a file to keep."""

    id: str
    title: str
    commands: Sequence[str] = ()
    lines: Sequence[SafeString] = ()
    note: str = ""


def recipes(login: Login) -> list[Recipe]:
    plain = "" if login.is_secure else " --plain-http"
    unverified = "" if login.is_secure else " --tls-verify=false"
    user = f"--username '{login.name}' --password-stdin"
    token = _piped(login)
    made = [
        Recipe("podman", "podman", [f"{token} | podman login {user}{unverified} {login.host}"]),
        Recipe(
            "docker",
            "docker",
            [f"{token} | docker login {user} {login.host}"],
            note="" if login.is_secure else docker_note(login.host),
        ),
        Recipe("helm", "Helm", [f"{token} | helm registry login {user}{plain} {login.host}"]),
        Recipe("oras", "ORAS", [f"{token} | oras login {user}{plain} {login.host}"]),
        Recipe("skopeo", "skopeo", [f"{token} | skopeo login {user}{unverified} {login.host}"]),
        Recipe(
            "cosign",
            "cosign",
            [f"{token} | cosign login {user} {login.host}"],
            note=""
            if login.is_secure
            else "Without TLS, add --allow-http-registry to cosign sign and cosign verify.",
        ),
        _kubernetes(login),
    ]
    if login.secret:
        lines = code_lines(docker_config(login), "json")
        made.append(Recipe("config", "Docker's config.json", lines=lines))
    return [*made, *_pipelines(login)]


def docker_config(login: Login) -> str:
    """``~/.docker/config.json`` of who is logged in."""
    return json.dumps({"auths": {login.host: {"auth": _basic(login)}}}, indent=2)


def pull_secret(login: Login) -> str:
    """A Kubernetes secret with which pods pull, as YAML."""
    auths = {login.host: {"username": login.name, "password": login.secret, "auth": _basic(login)}}
    document = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
    return (
        "apiVersion: v1\n"
        "kind: Secret\n"
        f"metadata:\n  name: {json.dumps(login.kubernetes_name)}\n"
        "type: kubernetes.io/dockerconfigjson\n"
        f"data:\n  .dockerconfigjson: {document}\n"
    )


def _kubernetes(login: Login) -> Recipe:
    use = (
        f'kubectl patch serviceaccount default --patch \'{{"imagePullSecrets":'
        f' [{{"name": "{login.kubernetes_name}"}}]}}\''
    )
    if login.secret:
        lines = code_lines(pull_secret(login), "yaml")
        return Recipe(
            "kubernetes",
            "Kubernetes",
            [f"kubectl apply --filename {login.kubernetes_name}.yaml", use],
            lines,
        )
    create = (
        f"kubectl create secret docker-registry {login.kubernetes_name}"
        f" --docker-server={login.host} --docker-username='{login.name}'"
        ' --docker-password="$BERTH_TOKEN"'
    )
    return Recipe("kubernetes", "Kubernetes", [create, use])


def _pipelines(login: Login) -> list[Recipe]:
    """Recipes for CI. They name the variable that holds the token, never the token."""
    host, name = json.dumps(login.host), json.dumps(login.name)
    github = (
        "- uses: docker/login-action@v3\n"
        f"  with:\n    registry: {host}\n    username: {name}\n"
        "    password: ${{ secrets.BERTH_TOKEN }}\n"
    )
    namespace = login.name.partition("+")[0]
    gitlab = (
        "publish:\n"
        "  image: docker:latest\n"
        '  services: ["docker:dind"]\n'
        "  script:\n"
        f"    - echo \"$BERTH_TOKEN\" | docker login --username '{login.name}'"
        f" --password-stdin {login.host}\n"
        f"    - docker build --tag {login.host}/{namespace}/NAME:$CI_COMMIT_SHORT_SHA .\n"
        f"    - docker push {login.host}/{namespace}/NAME:$CI_COMMIT_SHORT_SHA\n"
    )
    scheme = "https" if login.is_secure else "http"
    tekton = (
        "apiVersion: v1\nkind: Secret\n"
        f"metadata:\n  name: {json.dumps(login.kubernetes_name)}\n"
        f"  annotations:\n    tekton.dev/docker-0: {json.dumps(f'{scheme}://{login.host}')}\n"
        "type: kubernetes.io/basic-auth\n"
        f"stringData:\n  username: {name}\n  password: BERTH_TOKEN\n"
        "---\n"
        "apiVersion: v1\nkind: ServiceAccount\n"
        "metadata:\n  name: build\n"
        f"secrets:\n  - name: {json.dumps(login.kubernetes_name)}\n"
    )
    keep = "Keep the token as the protected variable BERTH_TOKEN of the pipeline."
    return [
        Recipe("github", "GitHub Actions", lines=code_lines(github, "yaml"), note=keep),
        Recipe("gitlab", "GitLab CI", lines=code_lines(gitlab, "yaml"), note=keep),
        Recipe(
            "tekton",
            "Tekton",
            lines=code_lines(tekton, "yaml"),
            note="Write the token in the place of BERTH_TOKEN before you apply this.",
        ),
    ]


def _piped(login: Login) -> str:
    return f"echo '{login.secret}'" if login.secret else 'echo "$BERTH_TOKEN"'


def _basic(login: Login) -> str:
    return base64.b64encode(f"{login.name}:{login.secret}".encode()).decode()
