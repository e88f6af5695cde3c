"""The cluster's API, as far as the operator needs it: plain manifests go in and come out."""

from functools import cache
from typing import Any

from httpx2 import HTTPError, HTTPStatusError
from lightkube import ApiError, Client
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.types import CascadeType, PatchType
from msgspec import MsgspecError

from deploy.operator.kinds import OPENSHIFT_INGRESS, Kind, Manifest, kind_of
from deploy.operator.refusals import Blocked, NoAnswer, Waiting

FIELD_MANAGER = "berth-operator"
_MISSING, _CONFLICT = 404, 409
_LATER, _FAULT = {408, 429}, 500
# What is wrong with the object, or what the operator may not do: it would be so again.
_REFUSED = {400, 403, 422}
_CLUSTER_WIDE = (OPENSHIFT_INGRESS,)


class Cluster:
    """
    Raises, from all:
        NoAnswer: whether it was done is not known.

    Raises, from whatever writes:
        Blocked: the cluster does not take it.
        Waiting: somebody else was faster.
    """

    def __init__(self, client: "Client | None" = None) -> None:
        self._client: Any = client or Client(field_manager=FIELD_MANAGER)

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        place = {} if kind in _CLUSTER_WIDE else {"namespace": namespace}
        try:
            return _plain(_ask(self._client.get, _resource(kind), name, **place))
        except HTTPStatusError as error:
            if error.response.status_code == _MISSING:
                return None
            raise

    def list(self, kind: Kind, namespace: str, labels: dict[str, str]) -> list[Manifest]:
        """Nothing, where the cluster has no such kind."""
        try:
            pages = self._client.list(_resource(kind), namespace=namespace, labels=labels)
            return [_plain(entry) for entry in _ask(list, pages)]
        except HTTPStatusError as error:
            if error.response.status_code == _MISSING:
                return []
            raise

    def serves(self, kind: Kind, namespace: str) -> bool:
        try:
            pages = self._client.list(_resource(kind), namespace=namespace, chunk_size=1)
            _ask(next, iter(pages), None)
        except HTTPStatusError as error:
            if error.response.status_code == _MISSING:
                return False
            raise
        return True

    def apply(self, manifest: Manifest, *, rehearse: bool = False) -> Manifest:
        """Make the object, or make it so again. What others added to it stays."""
        return self._write(
            manifest,
            self._client.patch,
            _resource(kind_of(manifest)),
            manifest["metadata"]["name"],
            manifest,
            namespace=manifest["metadata"]["namespace"],
            patch_type=PatchType.APPLY,
            force=True,
            dry_run=rehearse,
        )

    def create(self, manifest: Manifest) -> None:
        """Only if it is not there."""
        self._write(manifest, self._client.create, _resource(kind_of(manifest))(manifest))

    def replace(self, manifest: Manifest) -> None:
        """Only if it is still as it was read."""
        self._write(manifest, self._client.replace, _resource(kind_of(manifest))(manifest))

    def delete(self, manifest: Manifest) -> None:
        try:
            _ask(
                self._client.delete,
                _resource(kind_of(manifest)),
                manifest["metadata"]["name"],
                namespace=manifest["metadata"]["namespace"],
                cascade=CascadeType.BACKGROUND,
            )
        except HTTPStatusError as error:
            if error.response.status_code != _MISSING:
                raise

    def set_status(self, kind: Kind, namespace: str, name: str, status: Manifest) -> None:
        try:
            _ask(
                self._client.patch,
                _resource(kind).Status,
                name,
                {"status": status},
                namespace=namespace,
                patch_type=PatchType.MERGE,
            )
        except HTTPStatusError as error:
            if error.response.status_code != _MISSING:  # it went meanwhile
                raise

    @staticmethod
    def _write(manifest: Manifest, send: Any, *arguments: Any, **more: Any) -> Manifest:
        what = f"{manifest['kind']} {manifest['metadata']['name']}"
        try:
            return _plain(_ask(send, *arguments, **more))
        except ApiError as error:
            if error.status.code == _CONFLICT:
                raise Waiting("ObjectChanged", f"{what} was changed by somebody else.") from error
            if error.status.code in _REFUSED or _is_no_object(error):
                sentence = f"The cluster refuses {what}: {error.status.message}"
                raise Blocked("ComponentCreationFailed", sentence) from error
            raise


def _ask(send: Any, *arguments: Any, **more: Any) -> Any:
    """What ``send`` answers. What the cluster refuses goes on as it is."""
    try:
        return send(*arguments, **more)
    except HTTPStatusError as error:
        status = error.response.status_code
        if (status < _FAULT and status not in _LATER) or _is_no_object(error):
            raise
        raise NoAnswer(str(error)) from error
    # Bodies that end too soon, and refusals that do not tell their type.
    except (HTTPError, MsgspecError, KeyError, ValueError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error


def _is_no_object(error: HTTPStatusError) -> bool:
    """A value that none of the kind has: the API server takes it for a fault of its own (500)."""
    message = (error.status.message if isinstance(error, ApiError) else None) or ""
    return "failed to convert new object" in message or "failed to create typed" in message


@cache
def _resource(kind: Kind) -> Any:
    create = create_global_resource if kind in _CLUSTER_WIDE else create_namespaced_resource
    return create(kind.group, kind.version, kind.name, kind.plural)


def _plain(resource: Any) -> Manifest:
    return dict(resource.to_dict())
