"""What the web server runs in each of its worker processes."""

from config.processes import REQUEST_THREADS
from config.wsgi import application as wsgi_application

from config.transport import Transport  # isort: skip - needs the apps, which config.wsgi loads

application = Transport(wsgi_application, threads=REQUEST_THREADS)
