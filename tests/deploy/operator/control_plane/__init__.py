"""A real Kubernetes on this machine: etcd, API server and controllers, and a node that pretends."""

import logging
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from ssl import CERT_NONE, create_default_context
from typing import Any

import yaml
from httpx2 import HTTPError
from lightkube import ApiError, Client, KubeConfig
from lightkube.resources.core_v1 import Pod
from lightkube.types import PatchType

from tests.clients.run import SYSTEM_PATH, find_client
from tests.live import free_port

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
ADMIN, OPERATOR = "admin", "system:serviceaccount:berth-operator:berth-operator"
_START_SECONDS = 90
_CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "job-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "horizontal-pod-autoscaler-controller",
)
_EVERYWHERE = "*"


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if find_client(name) is None]


class KubectlFailed(AssertionError):
    """It said no, or the API server did."""


@dataclass(slots=True)
class ControlPlane:
    folder: Path
    url: str
    server: "subprocess.Popen[bytes]"

    def kubeconfig(self, user: str) -> Path:
        """A file with which programs speak to the API server as ``user``."""
        file = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        if file.exists():  # somebody may be reading it
            return file
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": _token(user)}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": user}}],
            "current-context": "here",
        }
        file.write_text(yaml.safe_dump(content))
        return file

    def kubectl(self, *words: str, stdin: str = "", user: str = ADMIN) -> str:
        """What kubectl writes to standard output. Raises ``KubectlFailed``."""
        done = self.run_kubectl(*words, stdin=stdin, user=user)
        if done.returncode:
            raise KubectlFailed(f"kubectl {' '.join(words)}\n{done.stderr}")
        return done.stdout

    def run_kubectl(
        self, *words: str, stdin: str = "", user: str = ADMIN
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_program("kubectl"), *words],
            env={
                "PATH": SYSTEM_PATH,
                "HOME": str(self.folder),
                "KUBECONFIG": str(self.kubeconfig(user)),
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def silent(self) -> Iterator[None]:
        """The API server takes connections meanwhile, and answers nothing until the end."""
        self.server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.send_signal(signal.SIGCONT)


@contextmanager
def running_control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Controllers are not among it: they begin when all kinds are there (``controllers``)."""
    store, peer, port = free_port(), free_port(), free_port()
    address = f"http://127.0.0.1:{store}"
    others = f"http://127.0.0.1:{peer}"
    _make_keys(folder)
    with ExitStack() as stack:
        stack.enter_context(
            _running(
                folder,
                "etcd",
                *("--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"),
                *("--listen-client-urls", address, "--advertise-client-urls", address),
                *("--listen-peer-urls", others, "--initial-advertise-peer-urls", others),
                *("--initial-cluster", f"default={others}"),
            )
        )
        server = stack.enter_context(
            _running(
                folder,
                "kube-apiserver",
                f"--etcd-servers={address}",
                f"--secure-port={port}",
                "--bind-address=127.0.0.1",
                "--endpoint-reconciler-type=none",  # it takes no loopback for an address
                f"--cert-dir={folder / 'certificates'}",
                f"--service-account-issuer=https://127.0.0.1:{port}",
                f"--service-account-key-file={folder / 'accounts.pub'}",
                f"--service-account-signing-key-file={folder / 'accounts.key'}",
                "--authorization-mode=RBAC",
                f"--token-auth-file={folder / 'tokens.csv'}",
                "--service-cluster-ip-range=10.0.0.0/24",
                # Nobody makes accounts and their tokens here.
                "--disable-admission-plugins=ServiceAccount",
            )
        )
        plane = ControlPlane(folder, f"https://127.0.0.1:{port}", server)
        until(lambda: _is_ready(plane.url), seconds=_START_SECONDS)
        yield plane


@contextmanager
def controllers(plane: ControlPlane) -> Iterator[None]:
    with _running(
        plane.folder,
        "kube-controller-manager",
        f"--kubeconfig={plane.kubeconfig(ADMIN)}",
        f"--controllers={','.join(_CONTROLLERS)}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={free_port()}",
        f"--cert-dir={plane.folder / 'controllers'}",
    ):
        yield


@dataclass
class Node:
    """In the place of every kubelet: pods are ready as soon as they are there, and Jobs done."""

    plane: ControlPlane
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Node"]:
        config = KubeConfig.from_file(self.plane.kubeconfig(ADMIN))
        thread = threading.Thread(target=self._go_on, args=[config])
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _go_on(self, config: KubeConfig) -> None:
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        with Client(config=config) as client:
            while not self._over.wait(0.3):
                # A busy API server answers late: the next round asks again.
                with suppress(ApiError, HTTPError):
                    for pod in client.list(Pod, namespace=_EVERYWHERE):
                        if pod.status is None or pod.status.phase in (None, "Pending"):
                            self._run(client, pod)

    @staticmethod
    def _run(client: Any, pod: Any) -> None:
        is_of_job = "batch.kubernetes.io/job-name" in (pod.metadata.labels or {})
        ready = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
        status: dict[str, Any] = {"phase": "Running", "conditions": ready}
        if is_of_job:
            status = {"phase": "Succeeded"}
        with suppress(ApiError):  # it went meanwhile
            client.patch(
                Pod.Status,
                pod.metadata.name,
                {"status": status},
                namespace=pod.metadata.namespace,
                patch_type=PatchType.STRATEGIC,
            )


def until(holds: Callable[[], Any], *, seconds: float = 180) -> None:
    """Wait for what other processes bring about, at most so long.

    A busy API server may refuse to answer: it is asked again.
    """
    deadline = time.monotonic() + seconds
    failure: KubectlFailed | None = None
    while time.monotonic() < deadline:
        try:
            if holds():
                return
            failure = None
        except KubectlFailed as failed:
            failure = failed
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} seconds") from failure


@contextmanager
def _running(folder: Path, name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {"PATH": SYSTEM_PATH, "HOME": str(folder)}
    command = [_program(name), *arguments]
    with logged(
        command, log=folder / f"{name}.log", cwd=folder, environment=environment
    ) as process:
        yield process


@contextmanager
def logged(
    command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process whose output goes to a file, killed in the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)


def _program(name: str) -> str:
    found = find_client(name)
    assert found is not None
    return found


def _make_keys(folder: Path) -> None:
    """Keys of accounts, and who is known by which token."""
    private, public = folder / "accounts.key", folder / "accounts.pub"
    for command in (
        ["openssl", "genrsa", "-out", str(private), "2048"],
        ["openssl", "rsa", "-in", str(private), "-pubout", "-out", str(public)],
    ):
        subprocess.run(command, check=True, capture_output=True)
    (folder / "tokens.csv").write_text(
        f'{_token(ADMIN)},{ADMIN},1,"system:masters"\n'
        f'{_token(OPERATOR)},{OPERATOR},2,"system:serviceaccounts"\n'
    )


def _token(user: str) -> str:
    return f"token-of-{user.replace(':', '-')}"


def _is_ready(url: str) -> bool:
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    ask = f"{url}/readyz"
    failures = (OSError, HTTPException)
    with suppress(*failures), urllib.request.urlopen(ask, timeout=5, context=context) as answer:
        return bool(answer.read() == b"ok")
    return False
