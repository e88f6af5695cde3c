"""Runs Berth on this machine: the web server and the jobs, under one supervisor.

A process of its own without Django, so that watching the others costs little memory.
``manage.py serve`` prepares everything and then becomes this.
"""

import argparse
import http.client
import os
import ssl
import sys
from pathlib import Path

from config.greeting import greeting
from config.paths import PRIVATE
from config.processes import Options, ServedCertificate, jobs_command, web_command
from config.supervisor import Supervisor

_PROBE_SECONDS = 2.0


def main() -> int:
    os.umask(PRIVATE)
    # The checks load every page and API; the web server has done that already.
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    # glibc keeps a heap per thread otherwise, and each keeps its own leftovers.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    served = _served_certificate(sys.argv[1:])
    options = Options.read(os.environ)
    return Supervisor(
        {"web": web_command(options, served), "jobs": jobs_command()},
        is_ready=lambda: _answers(options, is_tls=served is not None),
        on_ready=lambda: print(greeting(options, is_tls=served is not None), flush=True),
    ).run()


def _served_certificate(arguments: list[str]) -> ServedCertificate | None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args(arguments)
    return ServedCertificate(given.certificate, given.key) if given.certificate else None


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
