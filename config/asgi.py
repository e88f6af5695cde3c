"""What the web server runs in each of its worker processes."""

from config.keys.content import REQUEST_THREADS
from config.wsgi import application as wsgi_application

# Both need the apps, which config.wsgi loads.
from config.serving.front_door import FrontDoor  # isort: skip
from config.serving.transport import Transport  # isort: skip
from config.serving.watch import Watch  # isort: skip

application = Watch(FrontDoor(Transport(wsgi_application, threads=REQUEST_THREADS)))
