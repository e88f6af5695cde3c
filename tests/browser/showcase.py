"""A registry in use: what pictures are taken of, and what every page is opened with.

``fill`` runs in the environment of a server, through the services that its pages call.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.audit.services import Actor
from accounts.credentials.applications import create_application
from accounts.credentials.models import AccessToken, OAuthApplication
from accounts.credentials.services import issue_application_token, issue_robot_token
from accounts.organizations.models import DefaultPermission, DefaultRole, Organization, TeamRole
from accounts.organizations.services import (
    add_member,
    create_organization,
    create_team,
    set_default_permission,
)
from accounts.users.models import Robot
from accounts.users.services import create_robot, create_user
from artifacts.kinds.kinds import EMPTY_CONFIG
from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from artifacts.policy.models import ArtifactPolicy
from registry.announcements.models import Announcement
from registry.announcements.services import announce
from registry.events.kinds import EventType
from registry.events.models import Delivery, DeliveryState, Hook, Notice, event_of
from registry.events.services import HookTerms, create_hook, pause_hook, send_test
from registry.inspection.tasks import inspect
from registry.manifests.models import Manifest
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, RepositoryGrant, Role, SignatureRequirement
from registry.repositories.services import (
    create_repository,
    describe,
    grant,
    require_signatures,
    star,
)
from registry.retention.rules import Rule
from registry.retention.services import set_rules
from registry.statistics.models import DailyTraffic, NamespaceStorage, RepositoryStorage
from registry.tags.immutability import add_immutability_rule
from registry.tags.models import ImmutabilityRule, Tag
from registry.tags.services import delete_tag, set_expiry, set_immutable
from registry.verification.models import PublicKey
from registry.verification.services import register_key
from tests.artifacts.signatures.signing import Signer
from tests.browser import contents
from tests.clients.content import digest
from tests.live import ADMIN_PASSWORD
from tests.registry.builders import descriptor, hold, principal_of, push
from tests.registry.charts.builders import chart_config, chart_manifest
from tests.registry.verification.signed import attach_by_subject, attach_by_tag

# alice owns the organization; grace and heidi may create repositories in it, dave is a member
# who may read; bob writes to two repositories, carol administers them, erin reads them; frank
# is a stranger.
PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
EMPTY = b"{}"
DAYS = 60


def fill() -> None:
    """Fill an empty registry, and print what tests must know of it as one line of JSON."""
    print(json.dumps(Showcase(timezone.now()).made()))


def known_of(*, index: Manifest, image: Manifest) -> dict[str, Any]:
    """What addresses of pages are made of: for all pages, and where one needs something else."""
    chart = Manifest.objects.get(repository__path="acme/etherpad", tags__name="0.1.0")
    layer = json.loads(bytes(image.body))["layers"][0]["digest"]
    moved = Tag.objects.filter(repository__path="acme/web", name="v1.1.0").latest("started_at")
    builtin = ArtifactPolicy.objects.get(name="builtin")
    image_parts = {"digest": image.digest, "blob": layer}
    application = OAuthApplication.objects.get(name="Deployer").client_id
    return {
        "parameters": {
            "namespace": "acme",
            "repository": "acme/web",
            "tag": "v1.5.0",
            "digest": index.digest,
            "team": "developers",
            "robot": "ci",
            "name": "images",
            "fingerprint": PublicKey.objects.get(name="release").fingerprint,
            "permission": DefaultPermission.objects.all()[0].pk,
            "grant": RepositoryGrant.objects.filter(repository__path="acme/web")[0].pk,
            "deleted": Repository.deleted.get(path="acme/retired").pk,
            "rule": ImmutabilityRule.objects.exclude(namespace=None)[0].pk,
            "form": "csv",
            "file": "values.yaml",
            "blob": layer,
            "username": "alice",
            "key": PublicKey.objects.get(name="release").pk,
            "announcement": Announcement.objects.all()[0].pk,
            "pk": AccessToken.objects.get(title="laptop").pk,
            "client_id": application,
            **_hook(Hook.objects.exclude(namespace=None)[0]),
        },
        "arguments": {
            "ui:layer": image_parts,
            "ui:blob": image_parts,
            "ui:image_files": {"digest": image.digest},
            "ui:file": image_parts,
            "ui:file_raw": image_parts,
            "ui:chart_file": {
                "repository": "acme/etherpad",
                "digest": chart.digest,
                "file": "values.yaml",
            },
            "ui:repository_immutability_remove": {"rule": _rule("acme/web")},
            "ui:system_setting": {"key": "DEFAULT_TAG_EXPIRATION"},
            **_hook_pages("repository_", Hook.objects.filter(repository__path="acme/web")[0]),
            **_hook_pages("registry_", Hook.objects.of(None)[0]),
        },
        "queries": {
            "ui:authorize": {
                "client_id": application,
                "response_type": "token",
                "scope": "repo:read repo:create",
            },
            "ui:change_tags": {"action": "delete", "tag": "v1.2.0"},
            "ui:restore_tag": {"tag": "v1.1.0", "digest": moved.manifest.digest},
            "ui:policy_change": {"policy": builtin.pk},
            "ui:repository_policy_change": {"policy": builtin.pk},
            "ui:compare": {"a": "v1.4.0", "b": "v1.5.0"},
            "ui:compare_files": {"a": "v1.4.0", "b": "v1.5.0"},
            "ui:compare_file": {"a": "v1.4.0", "b": "v1.5.0", "path": "etc/web/web.yaml"},
            "ui:compare_packages": {"a": "v1.4.0", "b": "v1.5.0"},
            "ui:file": {"path": "etc/web/web.yaml"},
            "ui:file_raw": {"path": "etc/motd"},
            "ui:search": {"q": "etherpad"},
            "ui:time_machine": {"lifetime": "1d"},
        },
        "private": _private(),
    }


def _private() -> dict[str, Any]:
    """The parameters that are others in ``acme/secret``."""
    tagged = Manifest.objects.get(repository__path="acme/secret", tags__name="v1")
    image = json.loads(bytes(tagged.body))["manifests"][0]["digest"]
    body = Manifest.objects.get(repository__path="acme/secret", digest=image).body
    parts = {"digest": image, "blob": json.loads(bytes(body))["layers"][0]["digest"]}
    return {
        "parameters": {
            "repository": "acme/secret",
            "tag": "v1",
            "digest": tagged.digest,
            "grant": RepositoryGrant.objects.filter(repository__path="acme/secret")[0].pk,
        },
        "arguments": {
            "ui:layer": parts,
            "ui:blob": parts,
            "ui:image_files": {"digest": image},
            "ui:file": parts,
            "ui:file_raw": parts,
            "ui:chart_file": {},
            "ui:repository_immutability_remove": {"rule": _rule("acme/secret")},
            **_hook_pages("repository_", Hook.objects.filter(repository__path="acme/secret")[0]),
        },
    }


def _rule(path: str) -> int:
    return ImmutabilityRule.objects.filter(repository__path=path)[0].pk


def _hook(hook: Hook) -> dict[str, Any]:
    return {"hook": str(hook.uuid), "delivery": hook.deliveries.order_by("pk")[0].pk}


def _hook_pages(prefix: str, hook: Hook) -> dict[str, Any]:
    pages = ("hook", "change_hook", "remove_hook", "delivery")
    return {f"ui:{prefix}{page}": _hook(hook) for page in pages}


class Showcase:
    """Everything that is made, each at its time in the last sixty days."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.people = {
            name: create_user(
                username=name,
                password=ADMIN_PASSWORD,
                email=f"{name}@example.com",
                now=self.days_ago(60),
            )
            for name in PEOPLE
        }
        self.alice = self.people["alice"]
        self.by = Actor("alice", address="192.0.2.10")
        self.signer = Signer()

    def made(self) -> dict[str, Any]:
        acme = self._organization()
        self._etherpad()
        index, image = self._web()
        self._artifacts()
        self._rules(acme)
        self._hooks(acme)
        self._traffic()
        deleted = self._repository("acme/retired", is_public=False, days=30)
        delete_repository(repository=deleted, now=self.days_ago(1), by=self.by)
        announce(
            text="**New disks** on Sunday",
            severity="info",
            starts_at=self.now + timedelta(days=30),
            now=self.now,
            by=self.by,
        )
        return known_of(index=index, image=image)

    def days_ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def _organization(self) -> Organization:
        at = self.days_ago(59)
        acme = create_organization(
            name="acme",
            owner=self.alice,
            email="ops@example.com",
            description="Everything that Acme ships",
            now=at,
            by=self.by,
        )
        teams = {
            name: create_team(
                organization=acme, name=name, role=role, description=about, now=at, by=self.by
            )
            for name, role, about in (
                ("developers", TeamRole.CREATOR, "Those who push"),
                ("auditors", TeamRole.MEMBER, "Those who look"),
            )
        }
        for team, person in (
            ("developers", "grace"),
            ("developers", "heidi"),
            ("auditors", "dave"),
        ):
            add_member(team=teams[team], member=self.people[person], now=at, by=self.by)
        for name, about in (("ci", "Builds and pushes"), ("argocd", "Deploys charts")):
            robot = create_robot(
                owner=acme.namespace, short_name=name, description=about, now=at, by=self.by
            )
            issue_robot_token(robot=robot, now=at, by=self.by)
        set_default_permission(
            organization=acme, delegate=teams["auditors"], role=DefaultRole.READ, now=at, by=self.by
        )
        issue_application_token(
            user=self.alice,
            title="laptop",
            scope="write",
            expires_at=self.now + timedelta(days=30),
            now=at,
        )
        create_application(
            organization=acme, name="Deployer", description="Rolls charts out", now=at, by=self.by
        )
        register_key(
            namespace=acme.namespace, name="release", pem=self.signer.pem, now=at, by=self.by
        )
        create_organization(name="blank", owner=self.alice, now=at, by=self.by)
        return acme

    def _repository(self, path: str, *, is_public: bool, days: float = 58) -> Repository:
        return create_repository(
            path=path,
            creator=principal_of(self.alice),
            is_public=is_public,
            now=self.days_ago(days),
        )

    def _etherpad(self) -> None:
        repository = self._repository("acme/etherpad", is_public=True)
        describe(
            repository=repository,
            description=contents.DESCRIPTION,
            now=self.days_ago(50),
            by=self.by,
        )
        star(repository=repository, user=self.people["alice"])
        for number, version in enumerate(contents.CHART_VERSIONS):
            at = self.days_ago(40 - 10 * number)
            archive, config = contents.chart(version), chart_config("etherpad", version)
            hold(repository, archive, config, now=at)
            manifest = push(repository, chart_manifest(archive, config), version, now=at)
            inspect(manifest=manifest, now=at)
        attach_by_tag(
            repository, manifest.digest, self.signer.simple(manifest.digest), now=self.days_ago(9)
        )

    def _let_in(self, repository: Repository) -> None:
        for name, role in (("bob", Role.WRITE), ("erin", Role.READ), ("carol", Role.ADMIN)):
            grant(repository=repository, role=role, holder=self.people[name], now=self.days_ago(9))

    def _web(self) -> tuple[Manifest, Manifest]:
        repository = self._repository("acme/web", is_public=True)
        people = (("bob", Role.WRITE), ("erin", Role.READ), ("carol", Role.ADMIN))
        for name, role in people:
            grant(repository=repository, role=role, holder=self.people[name], now=self.days_ago(57))
        robot = Robot.objects.get(namespace__name="acme", short_name="ci")
        grant(repository=repository, role=Role.WRITE, holder=robot, now=self.days_ago(57))
        for number in range(1, 6):
            at = self.days_ago(30 - 5 * number)
            version = f"v1.{number}.0"
            index, image = self._index(repository, version, at, tags=("latest",))
        set_immutable(
            repository=repository, name="v1.4.0", is_immutable=True, now=self.now, by=self.by
        )
        self._index(repository, "nightly", self.days_ago(1))
        set_expiry(
            repository=repository,
            name="nightly",
            expires_at=self.now + timedelta(days=2),
            now=self.now,
            by=self.by,
        )
        delete_tag(repository=repository, name="v1.1.0", now=self.days_ago(2), by=self.by)
        attach_by_tag(
            repository, index.digest, self.signer.simple(index.digest), now=self.days_ago(4)
        )
        attach_by_subject(
            repository, index.digest, self.signer.bundle(index.digest), now=self.days_ago(4)
        )
        self._attach(repository, index, "application/spdx+json", contents.sbom())
        self._attach(
            repository, index, "text/markdown", b"# Release notes\n\nFaster.\n", "notes.md"
        )
        return index, image

    def _index(
        self, repository: Repository, tag: str, at: datetime, tags: tuple[str, ...] = ()
    ) -> tuple[Manifest, Manifest]:
        """An index of images for two platforms under ``tag``, and the first of these images."""
        images = []
        for architecture in ("amd64", "arm64"):
            layers = [
                contents.base(),
                contents.upper(f"{tag}{architecture}"),
            ]
            config = contents.image_config(
                *layers,
                architecture=architecture,
                version=tag,
                created=at,
                labels={
                    "org.opencontainers.image.source": "https://git.example.org/acme/web",
                    "org.opencontainers.image.version": tag,
                },
            )
            hold(repository, config, *layers, now=at)
            body = {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
                "layers": [
                    descriptor(part, "application/vnd.oci.image.layer.v1.tar+gzip")
                    for part in layers
                ],
            }
            images.append(_push_untagged(repository, body, at))
        listed = [
            {
                "mediaType": OCI_MANIFEST,
                "digest": image.digest,
                "size": image.size,
                "platform": {"os": "linux", "architecture": architecture},
            }
            for image, architecture in zip(images, ("amd64", "arm64"), strict=True)
        ]
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": listed,
            "annotations": {"org.opencontainers.image.version": tag},
        }
        index = push(repository, json.dumps(body).encode(), tag, tags=tags, now=at)
        return index, images[0]

    def _attach(
        self,
        repository: Repository,
        subject: Manifest,
        artifact_type: str,
        content: bytes,
        title: str = "sbom.spdx.json",
    ) -> None:
        at = self.days_ago(3)
        hold(repository, EMPTY, content, now=at)
        blob = descriptor(content, artifact_type)
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": descriptor(EMPTY, EMPTY_CONFIG),
            "layers": [{**blob, "annotations": {"org.opencontainers.image.title": title}}],
            "subject": {
                "mediaType": subject.media_type,
                "digest": subject.digest,
                "size": subject.size,
            },
        }
        _push_untagged(repository, body, at)

    def _artifacts(self) -> None:
        """One repository for each kind that is neither image nor chart, and a private image."""
        for path, artifact_type, layer_type in (
            ("acme/notes", "application/vnd.example.notes", "text/markdown"),
            ("acme/filter", "application/vnd.wasm.config.v0+json", "application/wasm"),
            (
                "acme/cluster",
                "application/vnd.sylabs.sif.config.v1+json",
                "application/vnd.sylabs.sif.layer.v1.sif",
            ),
            (
                "acme/rules",
                "application/vnd.cncf.openpolicyagent.config.v1+json",
                "application/vnd.cncf.openpolicyagent.layer.v1.tar+gzip",
            ),
        ):
            repository = self._repository(path, is_public=path != "acme/rules", days=20)
            content = f"# {path}\n".encode()
            hold(repository, EMPTY, content, now=self.days_ago(15))
            blob = descriptor(content, layer_type)
            body = {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": artifact_type,
                "config": descriptor(EMPTY, EMPTY_CONFIG),
                "layers": [{**blob, "annotations": {"org.opencontainers.image.title": "notes.md"}}],
                "annotations": {"org.opencontainers.image.description": "What we agreed on"},
            }
            push(repository, json.dumps(body).encode(), "v1", now=self.days_ago(15))
        private = self._repository("acme/secret", is_public=False, days=10)
        self._let_in(private)
        self._index(private, "v1", self.days_ago(8))
        create_repository(
            path="alice/playground",
            creator=principal_of(self.alice),
            is_public=False,
            now=self.days_ago(5),
        )

    def _rules(self, acme: Organization) -> None:
        rules = [Rule.parse("keep", "", pattern="v*"), Rule.parse("creation_date", "30d")]
        set_rules(place=acme.namespace, rules=rules, now=self.days_ago(20), by=self.by)
        for place in (
            acme.namespace,
            *Repository.objects.filter(path__in=["acme/web", "acme/secret"]),
        ):
            add_immutability_rule(
                place=place,
                pattern="release-*",
                syntax="glob",
                is_inverted=False,
                now=self.days_ago(20),
                by=self.by,
            )
        private = Repository.objects.get(path="acme/secret")
        set_rules(
            place=private,
            rules=[Rule.parse("number_of_tags", "10")],
            now=self.days_ago(6),
            by=self.by,
        )
        require_signatures(
            repository=private,
            requirement=SignatureRequirement.REPORT,
            now=self.days_ago(6),
            by=self.by,
        )

    def _hooks(self, acme: Organization) -> None:
        """Those that lead away from here are paused, so that nothing is ever sent."""
        notices = HookTerms(
            format="bell",
            events=["tag.expiring", "push.refused"],
            title="For whoever runs acme",
            options={"target": {"kind": "org", "name": "acme"}},
        )
        deploy = HookTerms(
            format="standard",
            events=["tag.pushed", "tag.moved"],
            title="Deploy to staging",
            url="https://hooks.example.com/deploy?cluster=staging",
            pattern="v*",
        )
        chat = HookTerms(
            format="slack",
            events=["signature.failed"],
            url="https://chat.example.com/hooks/abcdef",
        )
        web, secret = (Repository.objects.get(path=f"acme/{name}") for name in ("web", "secret"))
        for place, terms in (
            (acme.namespace, notices),
            (web, deploy),
            (secret, deploy),
            (None, chat),
        ):
            at = self.days_ago(4)
            hook = create_hook(place=place, terms=terms, now=at, by=self.by)
            if hook.url:
                pause_hook(hook=hook, now=at, by=self.by)
            for state, status in (
                (DeliveryState.DELIVERED, 200),
                (DeliveryState.DEAD, 503),
                (DeliveryState.DELIVERED, 204),
                (DeliveryState.WAITING, None),
            ):
                kind = EventType(next(iter(terms.events)))
                delivery = send_test(hook=hook, kind=kind, now=at, by=self.by)
                if state != DeliveryState.WAITING:
                    Delivery.objects.filter(pk=delivery.pk).update(
                        state=state,
                        tries=1 if status != 503 else 11,
                        status=status,
                        error="the answer was 503 Service Unavailable" if status == 503 else "",
                        answer=f"{status} of the receiver\nContent-Length: 2\n\nok",
                        lasted_ms=84,
                        ended_at=at + timedelta(seconds=1),
                    )

        refused = {
            "repository": "acme/web",
            "tag": "latest",
            "reason": "the type application/wasm is not allowed",
            "actor": {"name": "alice"},
        }
        event = event_of(EventType.PUSH_REFUSED, refused, now=self.days_ago(1))
        event.is_waiting = False
        event.save()
        Notice.objects.create(user=self.people["alice"], event=event)

    def _traffic(self) -> None:
        """Pulls that rise and fall by the week, and storage that grows."""
        for repository in Repository.objects.filter(namespace__name="acme"):
            for ago in range(DAYS):
                day = self.days_ago(ago).date()
                pulls = 40 + (DAYS - ago) + 35 * (day.weekday() < 5)
                DailyTraffic.objects.create(repository=repository, day=day, pulls=pulls, pushes=2)
                RepositoryStorage.objects.create(
                    repository=repository, day=day, size=(DAYS - ago) * 3_000_000
                )
        acme = Repository.objects.filter(namespace__name="acme")[0].namespace
        NamespaceStorage.objects.bulk_create(
            NamespaceStorage(
                namespace=acme, day=self.days_ago(ago).date(), size=(DAYS - ago) * 14_000_000
            )
            for ago in range(DAYS)
        )


def _push_untagged(repository: Repository, body: dict[str, Any], at: datetime) -> Manifest:
    text = json.dumps(body).encode()
    return push(repository, text, digest(text), now=at)
