"""What the web server runs in each of its worker processes."""

import os

from django.core.wsgi import get_wsgi_application

from config.keys.paths import PRIVATE

os.umask(PRIVATE)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config.serving.rounds import start_rounds  # noqa: E402 - needs the apps

start_rounds("web")
