"""Runs Berth on this machine: the web server and the jobs, under one supervisor.

``manage.py serve`` prepares everything and then becomes this. It loads what the others need and
then only watches them: they are forks, so the code is in memory once.
"""

import argparse
import gc
import http.client
import os
import signal
import socket
import ssl
import sys
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path

from django.conf import settings

from config.keys.paths import PRIVATE
from config.serving import scratch
from config.serving.processes import (
    CLIENT_FOLDER,
    ROOT_CERTIFICATE,
    Options,
    ServedCertificate,
    jobs_arguments,
)
from config.serving.supervisor import Supervisor, Work
from config.serving.tls import server_context
from config.web_server.limits import listen, most_connections, raise_open_files
from registry.metrics import shared
from ui.commands.address import Registry
from ui.commands.login import log_in_as
from ui.commands.push import push_chart, push_image

_PROBE_SECONDS = 2.0
# What all or most processes use; the rest they load when they need it.
_CODE = (
    "config.celery",
    "config.front_door.door",
    "config.serving.rounds",
    "config.urls",
    "argon2",
    "celery.apps.worker",
    "celery.bin.celery",
    "config.web_server.server",
)


def main() -> int:
    os.umask(PRIVATE)
    # The checks load every page and API; the web server has done that already.
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    connections = most_connections(raise_open_files())
    _load_code()
    settings.RUN_DIR.mkdir(parents=True, exist_ok=True)
    only, is_scratch, served = _arguments(sys.argv[1:])
    options = Options.read(os.environ, only=only, is_scratch=is_scratch)
    is_tls = served is not None
    has_web = "web" in options.roles
    listener = None
    if has_web:
        settings.DRAINING_FILE.unlink(missing_ok=True)
        try:
            listener = listen(options.host, options.port)
        except OSError as error:
            print(f"Berth cannot listen at {options.address}: {error.strerror}.", file=sys.stderr)
            return 1
    webs = _webs(listener, served, options.workers, connections) if listener else {}
    others = _others(options)
    for kind in (*(["web"] if webs else []), *others):
        shared.clear(kind)
    supervisor = Supervisor(
        webs | others,
        listener=listener,
        listening=webs,
        is_ready=lambda: not has_web or _answers(options, is_tls=is_tls),
        on_ready=lambda: print(
            greeting(options, is_tls=is_tls) if has_web else f"Berth runs: {options.roles[0]}",
            flush=True,
        ),
        on_stop=_drain if has_web else lambda: 0.0,
    )
    try:
        return supervisor.run()
    finally:
        scratch.remove(options)


def _drain() -> float:
    """Tell the web processes that they are about to end; return in how many seconds."""
    if settings.BERTH.DRAIN_SECONDS:
        settings.DRAINING_FILE.touch()
    return settings.BERTH.DRAIN_SECONDS


def _webs(
    listener: socket.socket, served: ServedCertificate | None, count: int, connections: int
) -> dict[str, Work]:
    """The processes that answer requests."""
    names = ["web", *(f"web-{number}" for number in range(2, count + 1))]
    work = partial(serve_web, listener, served, connections=connections)
    return dict.fromkeys(names, work)


def _others(options: Options) -> dict[str, Work]:
    """The other processes to keep running. A worker beside the timetable keeps it, too."""
    if "worker" in options.roles:
        return {"jobs": partial(_work, with_timetable="beat" in options.roles)}
    return {"beat": _keep_time} if "beat" in options.roles else {}


def greeting(options: Options, *, is_tls: bool) -> str:
    """What a person reads when Berth is ready: where it is and what to try first."""
    # A proxy may give it another name, and encrypt what we do not.
    scheme = "https" if is_tls else settings.BERTH.PREFERRED_URL_SCHEME
    address = settings.BERTH.SERVER_HOSTNAME or options.address
    registry = Registry(f"{scheme}://{address}", _certificates(options) if is_tls else {})
    host = registry.host
    return f"""
Berth is ready: {registry.url}

  Log in   {log_in_as("podman", registry, "admin")}
           {log_in_as("helm", registry, "admin")}

  Push     printf 'FROM scratch\\nCOPY README.md /\\n' | podman build -t {host}/admin/hello -f - .
           {push_image(registry, "admin/hello")}
           helm create hi && helm package hi
           {push_chart(registry, "hi-0.1.0.tgz", "admin")}

  Pull     podman pull{registry.option("podman")} {host}/admin/hello
           helm pull{registry.option("helm")} oci://{host}/admin/hi --version 0.1.0

  Data     {"nothing on this machine" if options.is_scratch else options.data}
  Stop     Ctrl-C
"""


def _certificates(options: Options) -> dict[str, str]:
    """Where clients find the certificate of a registry that made its own."""
    root = options.data / ROOT_CERTIFICATE
    if not root.exists():
        return {}
    return {"podman": f"--cert-dir {options.data / CLIENT_FOLDER}", "helm": f"--ca-file {root}"}


def _load_code() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.template import engines

    django.setup()
    for name in _CODE:
        import_module(name)
    engines.all()
    # The collector writes to all that it looks at, and what is written to is no longer shared.
    gc.collect()
    gc.freeze()


def serve_web(
    listener: socket.socket, served: ServedCertificate | None, *, connections: int
) -> None:
    """Be one of the processes that answer at ``listener``; each keeps so many connections."""
    from config.front_door.networks import networks
    from config.web_server.server import Server

    application = import_module("config.asgi").application  # the floor above
    tls = server_context(served) if served else None
    Server(
        application,
        listener,
        at_once=application.at_once,
        tls=tls,
        most=connections,
        network_of=networks.of,
        share_of=networks.share_of,
    ).run()


def _work(*, with_timetable: bool) -> None:
    from celery.bin.celery import main as celery

    warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")
    sys.argv = ["celery", *jobs_arguments(with_timetable=with_timetable)]
    celery()


def _keep_time() -> None:
    from celery import current_app

    from config.serving.rounds import start_rounds
    from config.serving.timetable import Timetable

    timetable = Timetable(current_app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: timetable.end())
    start_rounds("beat")
    timetable.run()


def _arguments(arguments: list[str]) -> tuple[str, bool, ServedCertificate | None]:
    """The one role, if not all, whether all goes at the end, and the certificate to serve with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--scratch", action="store_true")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args(arguments)
    served = ServedCertificate(options.certificate, options.key) if options.certificate else None
    return options.only, options.scratch, served


def _answers(options: Options, *, is_tls: bool) -> bool:
    """Whether the registry answers an HTTP request. Any answer will do."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104
    connection = (
        # The certificate is checked when it is made; here only life counts.
        http.client.HTTPSConnection(
            host,
            options.port,
            timeout=_PROBE_SECONDS,
            context=ssl._create_unverified_context(),  # noqa: S323
        )
        if is_tls
        else http.client.HTTPConnection(host, options.port, timeout=_PROBE_SECONDS)
    )
    try:
        connection.request("GET", "/v2/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


if __name__ == "__main__":
    sys.exit(main())
