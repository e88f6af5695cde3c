"""What the manual consists of, in its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One page. ``source`` is its Markdown, below ``docs``."""

    name: str
    title: str
    about: str
    source: str
    names_host: bool = True  # whether registry.example.com in it stands for this registry

    @property
    def path(self) -> Path:
        return Path(settings.DOCUMENTS_DIR) / self.source


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    icon: str
    entries: Sequence[Entry]


SECTIONS: Sequence[Section] = (
    Section(
        "First steps",
        "rocket",
        (
            Entry(
                "images",
                "Images",
                "Push and pull with podman, docker, buildah, skopeo and crane.",
                "manual/images.md",
            ),
            Entry("charts", "Helm charts", "Push a chart and install it.", "manual/charts.md"),
            Entry(
                "artifacts",
                "Files and other artifacts",
                "Keep any file with ORAS, and attach one to another.",
                "manual/artifacts.md",
            ),
            Entry(
                "signing",
                "Signing",
                "Sign with cosign, and see the verdict.",
                "manual/signing.md",
            ),
            Entry(
                "trouble",
                "When something fails",
                "What clients print, what it means and what to do.",
                "manual/trouble.md",
            ),
        ),
    ),
    Section(
        "Working together",
        "users",
        (
            Entry(
                "robots",
                "People, robots and tokens",
                "Organizations, teams, and logins for programs.",
                "manual/robots.md",
            ),
            Entry(
                "organizations",
                "Organizations in detail",
                "Teams, roles, robots and default permissions.",
                "organizations.md",
            ),
            Entry(
                "ci",
                "Continuous integration",
                "Recipes for GitHub Actions, GitLab CI, Tekton and Jenkins.",
                "manual/ci.md",
            ),
            Entry(
                "api",
                "The management API",
                "What programs made for Quay ask: routes, tokens and their scopes.",
                "api.md",
            ),
            Entry(
                "events",
                "Events and hooks",
                "What can be told to others when it happens, and in which forms.",
                "events.md",
            ),
            Entry(
                "deploying",
                "Deploying charts",
                "Helm repositories old and new, Argo CD, Flux and Kubernetes.",
                "manual/deploying.md",
            ),
        ),
    ),
    Section(
        "Keeping order",
        "list-checks",
        (
            Entry(
                "expiry",
                "Expiry and the time machine",
                "Tags that end by themselves, restores, and immutable tags.",
                "expiry.md",
            ),
            Entry(
                "repositories",
                "Repositories",
                "Rights and their reasons, deleting and undeleting, search.",
                "repositories.md",
            ),
            Entry("retention", "Retention", "Rules for which tags stay.", "retention.md"),
            Entry("policy", "Artifact policy", "Which types may be stored.", "policy.md"),
            Entry(
                "signatures",
                "Signatures and attachments",
                "Keys, verdicts, and pulls that need a signature.",
                "signatures.md",
            ),
        ),
    ),
    Section(
        "Running Berth",
        "server",
        (
            Entry(
                "installing",
                "Installing",
                "As a service, in containers, on Kubernetes.",
                "manual/installing.md",
                names_host=False,
            ),
            Entry(
                "configuration",
                "Configuration",
                "Every key of config.yaml.",
                "configuration.md",
                names_host=False,
            ),
            Entry(
                "accounts",
                "Accounts",
                "Sign-up, second factors, mail, OIDC and LDAP.",
                "accounts.md",
                names_host=False,
            ),
            Entry(
                "administration",
                "Administration",
                "Activity, status, settings and announcements.",
                "administration.md",
                names_host=False,
            ),
            Entry(
                "watching",
                "Watching Berth",
                "Numbers for Prometheus, alerts, and the log.",
                "watching.md",
                names_host=False,
            ),
            Entry(
                "production",
                "A highly available registry",
                "From nothing to one that goes on when any machine of it stops.",
                "production.md",
                names_host=False,
            ),
            Entry(
                "growing",
                "PostgreSQL, Redis, S3 and TLS",
                "From one folder to several servers.",
                "manual/growing.md",
            ),
            Entry(
                "proxies",
                "A proxy in front",
                "nginx, HAProxy, Caddy and Traefik.",
                "manual/proxies.md",
                names_host=False,
            ),
            Entry("storage", "Storage", "Where blobs are kept.", "storage.md", names_host=False),
            Entry(
                "backup",
                "Backup and restore",
                "What to copy, in which order.",
                "manual/backup.md",
            ),
            Entry("collection", "Garbage collection", "What is freed, and when.", "collection.md"),
        ),
    ),
    Section(
        "Details",
        "book-open",
        (
            Entry(
                "helm",
                "How charts are read",
                "Three ways to reach a chart, and what is read from it.",
                "helm.md",
            ),
            Entry(
                "older-docker",
                "Older Docker",
                "Schema 1 and the V1 API.",
                "older-docker.md",
            ),
        ),
    ),
)
ENTRIES: Sequence[Entry] = [entry for section in SECTIONS for entry in section.entries]
BY_NAME: Mapping[str, Entry] = {entry.name: entry for entry in ENTRIES}
BY_SOURCE: Mapping[str, Entry] = {Path(entry.source).name: entry for entry in ENTRIES}


def neighbours(entry: Entry) -> tuple[Entry | None, Entry | None]:
    """The page before and the page after, in the order of the contents."""
    at = ENTRIES.index(entry)
    before = ENTRIES[at - 1] if at else None
    after = ENTRIES[at + 1] if at + 1 < len(ENTRIES) else None
    return before, after
