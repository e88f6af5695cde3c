"""``python -m deploy.operator``: watches the resources, and goes its rounds."""

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

import kopf

from deploy.operator.cluster import Cluster
from deploy.operator.kinds import REGISTRIES, Kind
from deploy.operator.reconciliation import reconcile
from deploy.operator.rounds import Key, Rounds
from deploy.operator.settings import Settings

_ANSWER_SECONDS = 30.0  # a connection on which nothing comes is no reason to wait longer
_LIVENESS = "http://0.0.0.0:8080/healthz"


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, format="{asctime} {levelname} {name}: {message}", style="{"
    )
    for chatty in ("httpx2", "kopf.objects"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = Settings.read(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    kopf.run(
        registry=handlers(settings, Cluster()),
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        standalone=True,
        liveness_endpoint=os.environ.get("LIVENESS", _LIVENESS),
    )


def handlers(settings: Settings, cluster: Cluster) -> kopf.OperatorRegistry:
    def look(kind: Kind, namespace: str, name: str) -> float | None:
        moment = datetime.now(UTC)  # noqa: TID251 - here is the clock
        return reconcile(cluster, kind, namespace, name, settings=settings, now=moment)

    registry = kopf.OperatorRegistry()
    rounds: list[Rounds] = []

    @kopf.on.login(registry=registry)
    def log_in(**arguments: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(
            **arguments
        )

    @kopf.on.startup(registry=registry)
    async def begin(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.networking.request_timeout = _ANSWER_SECONDS
        rounds.append(Rounds(look))

    @kopf.on.cleanup(registry=registry)
    async def end(**_: Any) -> None:
        await rounds[0].stop()

    def watch(kind: Kind) -> None:
        # An event alone, without a finalizer: a resource can go while no operator runs.
        @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)
        async def wake(name: str | None, namespace: str | None, **_: Any) -> None:
            rounds[0].wake(Key(kind, namespace or "", name or ""))

    for kind in REGISTRIES:
        watch(kind)
    return registry


if __name__ == "__main__":
    main()
