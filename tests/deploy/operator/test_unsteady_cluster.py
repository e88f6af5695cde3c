"""Answers of the cluster's API that are late, cut or faults of its own."""

import copy
import json
from collections.abc import Callable
from itertools import product
from typing import Any

import httpx2
import pytest
from lightkube import Client, KubeConfig

from deploy.operator.cluster import FIELD_MANAGER, Cluster
from deploy.operator.kinds import QUAY_REGISTRY, ROUTE, SECRET, Kind, Manifest, kind_of
from deploy.operator.refusals import NoAnswer
from tests.deploy.operator.pretended import (
    MOST_ROUNDS,
    NAME,
    NAMESPACE,
    SETTINGS,
    PretendedCluster,
    look,
    make_registry,
    status,
    wanted_names,
)

Answer = Callable[[httpx2.Request], httpx2.Response]
READS = {"get", "list", "serves"}
SECRET_MANIFEST: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": NAME, "namespace": NAMESPACE},
}


def late(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("late")


def refused(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("nobody listens")


def cut(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")


def half(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, text='{"kind": "Secret", "meta')


def faulty(code: int) -> Answer:
    told = {"kind": "Status", "status": "Failure", "message": "etcdserver: timed out", "code": code}
    return lambda _request: httpx2.Response(code, json=told)


def page(code: int) -> Answer:
    """Of a load balancer before the API server."""
    return lambda _request: httpx2.Response(code, html="<h1>Bad Gateway</h1>")


def bare(code: int) -> Answer:
    return lambda _request: httpx2.Response(code)


ANSWERS = {
    "late": late,
    "nobody listens": refused,
    "cut": cut,
    "half": half,
    "a fault": faulty(500),
    "away": faulty(503),
    "too many": faulty(429),
    "a page": page(502),
    "nothing": bare(504),
}
STEPS: dict[str, Callable[[Cluster], object]] = {
    "get": lambda cluster: cluster.get(SECRET, NAMESPACE, NAME),
    "list": lambda cluster: cluster.list(SECRET, NAMESPACE, {}),
    "serves": lambda cluster: cluster.serves(ROUTE, NAMESPACE),
    "apply": lambda cluster: cluster.apply(SECRET_MANIFEST),
    "create": lambda cluster: cluster.create(SECRET_MANIFEST),
    "replace": lambda cluster: cluster.replace(SECRET_MANIFEST),
    "delete": lambda cluster: cluster.delete(SECRET_MANIFEST),
    "set_status": lambda cluster: cluster.set_status(QUAY_REGISTRY, NAMESPACE, NAME, {}),
}


def cluster_that(answer: Answer) -> Cluster:
    here = {"context": {"cluster": "here", "user": "me"}, "name": "here"}
    config = KubeConfig.from_dict(
        {
            "clusters": [{"name": "here", "cluster": {"server": "https://192.0.2.1"}}],
            "users": [{"name": "me", "user": {"token": "token"}}],
            "contexts": [here],
            "current-context": "here",
        }
    )
    transport = httpx2.MockTransport(answer)
    return Cluster(Client(config=config, transport=transport, field_manager=FIELD_MANAGER))


@pytest.mark.parametrize(
    ("step", "answer"),
    # What the answer to a deletion holds is not read.
    [pair for pair in product(STEPS, ANSWERS) if pair != ("delete", "half")],
)
def test_no_answer_is_taken_for_another(step: str, answer: str) -> None:
    """Not for an object that is gone, a kind that is not there, or a refusal."""
    cluster = cluster_that(ANSWERS[answer])

    with pytest.raises(NoAnswer):
        STEPS[step](cluster)


def test_a_second_page_that_is_cut_makes_no_short_list() -> None:
    first = {"kind": "SecretList", "metadata": {"continue": "next"}, "items": [SECRET_MANIFEST]}

    def answer(request: httpx2.Request) -> httpx2.Response:
        if b"continue" in request.url.query:
            return cut(request)
        return httpx2.Response(200, text=json.dumps(first))

    with pytest.raises(NoAnswer):
        cluster_that(answer).list(SECRET, NAMESPACE, {})


# --- In the middle of a rollout -----------------------------------------------------------------


class UnsteadyCluster(PretendedCluster):
    """Does not answer the question with this number, of those that differ.

    Args:
        is_done: whether what was asked is done all the same.
    """

    def __init__(self, number: int | None = None, *, is_done: bool = False) -> None:
        super().__init__(served=(ROUTE,))
        self.number = number
        self.is_done = is_done
        self.questions: dict[tuple[object, ...], None] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        question = ("get", kind, name)
        found: Manifest | None = self._answered(super().get, question, kind, namespace, name)
        return found

    def list(self, kind: Kind, namespace: str, labels: dict[str, str]) -> Any:
        return self._answered(super().list, ("list", kind), kind, namespace, labels)

    def serves(self, kind: Kind, namespace: str) -> bool:
        return bool(self._answered(super().serves, ("serves", kind), kind, namespace))

    def apply(self, manifest: Manifest, *, rehearse: bool = False) -> Manifest:
        question = ("apply", rehearse, *_whose(manifest))
        found = self._answered(super().apply, question, manifest, rehearse=rehearse)
        assert isinstance(found, dict)
        return found

    def create(self, manifest: Manifest) -> None:
        self._answered(super().create, ("create", *_whose(manifest)), manifest)

    def replace(self, manifest: Manifest) -> None:
        self._answered(super().replace, ("replace", *_whose(manifest)), manifest)

    def delete(self, manifest: Manifest) -> None:
        self._answered(super().delete, ("delete", *_whose(manifest)), manifest)

    def set_status(self, kind: Kind, namespace: str, name: str, status: Manifest) -> None:
        question = ("set_status", kind, name)
        self._answered(super().set_status, question, kind, namespace, name, status)

    def _answered(self, do: Any, question: tuple[object, ...], *values: Any, **more: Any) -> Any:
        is_silent = question not in self.questions and len(self.questions) == self.number
        self.questions[question] = None
        if is_silent and not self.is_done:
            raise NoAnswer("late")
        answer = do(*values, **more)
        if is_silent:
            raise NoAnswer("cut")
        return answer


def _whose(manifest: Manifest) -> tuple[object, ...]:
    return kind_of(manifest), manifest["metadata"]["name"].partition("-config-")[0]


def bring_to_the_end(cluster: UnsteadyCluster) -> int:
    """A registry is made, and then loses its Route. The value: how many rounds failed.

    As ``Rounds`` does: a round that fails is followed by another.
    """
    failed = 0
    for spec in ({}, {"components": [{"kind": "route", "managed": False}]}):
        make_registry(cluster, spec)
        for _ in range(MOST_ROUNDS):
            before = copy.deepcopy(cluster.objects)
            try:
                look(cluster)
            except NoAnswer:
                failed += 1
                continue
            cluster.settle()
            if cluster.objects == before:
                break
    return failed


@pytest.mark.parametrize("is_done", [False, True], ids=["undone", "done"])
def test_whichever_question_has_no_answer_the_end_is_the_same(is_done: bool) -> None:
    whole = UnsteadyCluster()
    bring_to_the_end(whole)
    assert {"create", "apply", "delete", "set_status"} <= {name for name, *_ in whole.questions}

    for number, (name, *_) in enumerate(whole.questions):
        if is_done and name in READS:
            continue
        cluster = UnsteadyCluster(number, is_done=is_done)

        assert bring_to_the_end(cluster) == 1
        assert wanted_names(cluster) == wanted_names(whole), f"question {number}"
        assert status(cluster)["currentVersion"] == SETTINGS.version
