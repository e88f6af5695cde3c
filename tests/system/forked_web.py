"""A web server that is started and killed many times: ``python -m tests.system.forked_web``.

Most of a start is spent on imports. This program makes them once; for each port that it reads
from its standard input it forks, and the fork becomes what ``make serve`` runs as its web server.
"""

import os
import sys
from importlib import import_module
from typing import NoReturn

import django
from django.conf import settings

from config.serving.serve import serve_web
from config.web_server.limits import listen


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    import_module(settings.ROOT_URLCONF)
    for line in sys.stdin:
        if not (child := os.fork()):
            _become_web_server(int(line))
        print(child, flush=True)
        os.waitpid(child, 0)


def _become_web_server(port: int) -> NoReturn:
    os.setsid()
    serve_web(listen("127.0.0.1", port), None, connections=512)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
