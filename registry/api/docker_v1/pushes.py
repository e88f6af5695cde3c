"""Pushes by the V1 protocol, where ``FEATURE_RESTRICTED_V1_PUSH`` and its list allow them.

Images come one by one: JSON, layer, checksum. A tag then makes a signed schema 1 manifest of
an image and of all that it stands on, which is stored like any other.
"""

from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import (
    BlobUploadInvalid,
    DigestInvalid,
    ManifestInvalid,
    NameUnknown,
    Unsupported,
)
from artifacts.oci.media_types import SCHEMA1_SIGNED
from artifacts.oci.names import Reference, parse_tag
from artifacts.oci.strict_json import parse_json
from registry.api.docker_v1.base import V1RepositoryView, V1View
from registry.api.docker_v1.images import ImageJsonView, LayerView
from registry.api.docker_v1.repositories import ImagesView, TagView
from registry.api.docker_v1.schema1.documents import read_v1_image
from registry.api.docker_v1.schema1.jws import sign
from registry.api.docker_v1.staging import Stage, StagedImage, forget_ended
from registry.blobs.sessions import open_upload
from registry.blobs.uploads import EMPTY, Chunk, append_chunk, commit_upload
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path, split_path
from registry.tags.services import delete_tag

_MAX_JSON_BYTES = 1024 * 1024
_WRITES = frozenset({"PUT", "DELETE"})


def require_v1_push(path: str) -> None:
    """Raises ``Unsupported`` where the configuration has no V1 pushes."""
    namespace, _ = split_path(path)
    if (
        settings.BERTH.FEATURE_RESTRICTED_V1_PUSH
        and namespace not in settings.BERTH.V1_PUSH_WHITELIST
    ):
        raise Unsupported(
            f"{namespace} takes no pushes by Docker's V1 API; use Docker 1.6 or later, or have"
            f" {namespace} added to V1_PUSH_WHITELIST in the configuration"
        )


class _Pushing(V1RepositoryView):
    """Refuses before anything else where there are no V1 pushes."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method in _WRITES and request.method in self.actions:
            require_v1_push(repository_path(kwargs["name"]))
        super().initial(request, *args, **kwargs)

    @property
    def stage(self) -> Stage:
        return Stage(self.repository, self.caller.principal)


class RepositoryView(_Pushing):
    """Where a push begins: the repository is made if need be, and a token handed out."""

    actions = {"PUT": "push"}
    creates = frozenset({"PUT"})

    def put(self, request: Request, name: str) -> Response:
        forget_ended()
        headers = self.granted("pull", "push")
        return Response("Created", status=status.HTTP_201_CREATED, headers=dict(headers))


class PushedImagesView(_Pushing, ImagesView):
    """Where a push ends. Nothing is left to do."""

    actions = {**ImagesView.actions, "PUT": "push"}

    def put(self, request: Request, name: str) -> Response:
        self.body.read_small(_MAX_JSON_BYTES)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PushedTagView(_Pushing, TagView):
    """A tag is put on an image that was pushed just before, or taken away."""

    actions = {**TagView.actions, "PUT": "push", "DELETE": "delete"}

    def put(self, request: Request, name: str, tag: str) -> Response:
        image_id = _json_of(self.body.read_small(_MAX_JSON_BYTES))
        if not isinstance(image_id, str):
            raise ManifestInvalid("send the id of an image as a JSON string")
        payload = self.stage.schema1(image_id, tag=parse_tag(tag), now=self.now)
        body = sign(payload, time=self.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        document = ManifestDocument.parse(body, SCHEMA1_SIGNED)
        draft = Draft(self.repository, Reference.parse(tag), body, document)
        push_manifest(draft, now=self.now, by=self.caller.actor)
        return Response("Created")

    def delete(self, request: Request, name: str, tag: str) -> Response:
        delete_tag(
            repository=self.repository, name=parse_tag(tag), now=self.now, by=self.caller.actor
        )
        return Response(True)


class _Image(V1View):
    """One image on its way in. The token says into which repository."""

    stage: Stage

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "PUT":
            super().initial(request, *args, **kwargs)
            return
        caller = self.identify(request)
        if self.token is None:
            raise BlobUploadInvalid("send the token that PUT /v1/repositories/NAME/ answers with")
        repository = Repository.objects.filter(pk=self.token.repository_id).first()
        if repository is None:
            raise NameUnknown("the repository has been deleted")
        require_v1_push(repository.path)
        self.require_in(caller, "push", repository.path, repository)
        self.stage = Stage(repository, caller.principal)


class PushedJsonView(_Image, ImageJsonView):
    def put(self, request: Request, image_id: str) -> Response:
        text = _text_of(self.body.read_small(_MAX_JSON_BYTES))
        document = read_v1_image(text, "the image")
        if document["id"] != image_id:
            raise ManifestInvalid(
                f"the image calls itself {document['id']}, and the address another"
            )
        parent = document.get("parent") or ""
        if parent:
            self.stage.check_parent(parent, now=self.now)
        self.stage.tell(StagedImage(image_id, parent, text), now=self.now)
        return Response(True)


class PushedLayerView(_Image, LayerView):
    def put(self, request: Request, image_id: str) -> Response:
        image = self.stage.get(image_id, now=self.now)
        session = open_upload(
            repository=self.stage.repository, owner=self.stage.principal.key, now=self.now
        )
        chunk = Chunk(pieces=self.body, length=self.body.length)
        session = append_chunk(session=session, chunk=chunk, now=self.now)
        if not session.offset:
            raise BlobUploadInvalid("the layer has no bytes")
        digest = Digest.parse(session.digest_so_far)
        commit_upload(session=session, digest=digest, chunk=EMPTY, now=self.now)
        self.stage.tell_layer(image, digest, now=self.now)
        return Response(True)


class ChecksumView(_Image):
    """What the client takes for the layer's digest. Of the two forms only one can be compared."""

    def put(self, request: Request, image_id: str) -> Response:
        image = self.stage.get(image_id, now=self.now)
        checksum = request.headers.get("X-Docker-Checksum-Payload")
        if checksum is not None and checksum != image.layer:
            raise DigestInvalid(f"the layer has the digest {image.layer or 'of nothing'}")
        return Response(True)


def _text_of(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ManifestInvalid("the image is not UTF-8") from error


def _json_of(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ManifestInvalid:
        return None
