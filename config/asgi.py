"""What the web server runs in each of its worker processes."""

from config.keys.content import REQUEST_THREADS
from config.wsgi import application as wsgi_application

# Both need the apps, which config.wsgi loads.
from config.front_door.door import FrontDoor  # isort: skip
from config.front_door.transport import Transport  # isort: skip
from config.front_door.watch import Watch  # isort: skip

_door = FrontDoor(Transport(wsgi_application, threads=REQUEST_THREADS))
application = Watch(_door.in_time, at_once=_door.at_once)
