"""How pipelines and clusters log in with what their platform says of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """``subject`` is an example of what the platform calls a workload."""

    id: str
    title: str
    issuer: str
    subject: str
    lines: Sequence[str]


def workload_recipes(*, host: str, robot: str, audience: str) -> Sequence[Recipe]:
    """
    Args:
        host: of this registry, as clients write it.
        robot: the name it logs in as.
        audience: whom the tokens are to be for.
    """
    login = f"podman login --username '{robot}' --password-stdin {host}"
    return (
        Recipe(
            "github",
            "GitHub Actions",
            "https://token.actions.githubusercontent.com",
            "repo:OWNER/REPOSITORY:ref:refs/heads/main",
            [
                "permissions:",
                "  id-token: write",
                "steps:",
                "  - run: |",
                '      curl -sSf -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\',
                f'        "$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}" \\',
                f"        | jq -r .value | {login}",
            ],
        ),
        Recipe(
            "gitlab",
            "GitLab CI",
            "https://gitlab.com",
            "project_path:GROUP/PROJECT:ref_type:branch:ref:main",
            [
                "push:",
                "  id_tokens:",
                "    REGISTRY_TOKEN:",
                f"      aud: {audience}",
                "  script:",
                f'    - printf %s "$REGISTRY_TOKEN" | {login}',
            ],
        ),
        Recipe(
            "kubernetes",
            "Kubernetes",
            "what kubectl get --raw /.well-known/openid-configuration says",
            "system:serviceaccount:NAMESPACE:NAME",
            [
                "volumes:",
                "  - name: registry-token",
                "    projected:",
                "      sources:",
                "        - serviceAccountToken:",
                "            path: token",
                f"            audience: {audience}",
                "            expirationSeconds: 600",
                f"# mounted at /var/run/registry: {login} < /var/run/registry/token",
            ],
        ),
    )
