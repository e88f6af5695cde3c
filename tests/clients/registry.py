"""The registry the clients talk to, and the people who do."""

import json
from dataclasses import dataclass

from tests.clients.raw import Login, RawRegistry
from tests.live import RunningServer

ORGANIZATION = "harbour"
PUBLIC_REPOSITORY = f"{ORGANIZATION}/public"
ROBOT = f"{ORGANIZATION}+crane"
ROBOT_REPOSITORY = f"{ORGANIZATION}/robots"


@dataclass(frozen=True)
class Registry(RawRegistry):
    """One running registry with its people.

    ``owner`` owns the organization and the library, ``stranger`` has no rights anywhere, ``robot``
    may write to one repository of the organization, and ``application`` is a token of the owner.
    """

    stranger: Login
    robot: Login
    application: Login
    server: RunningServer

    def make_organization(self, name: str) -> None:
        self.server.manage("create_organization", name, "--owner", self.owner.name)

    @property
    def has_tls(self) -> bool:
        return self.ca_file is not None

    def __str__(self) -> str:
        return self.host


#: Every ``manage.py`` is a process that first loads Django, so all the commands share one.
COMMANDS = f"""
import io, json, sys
from django.core.management import call_command
from django.utils import timezone
from accounts.organizations.models import Team
from accounts.organizations.services import add_member
from accounts.users.models import User

def manage(*arguments, stdin=""):
    sys.stdin, output = io.StringIO(stdin), io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue().split()[-1]

for name, password in {{people!r}}:
    manage("create_user", name, "--password-stdin", stdin=password)
manage("create_organization", "{ORGANIZATION}", "--owner", "{{owner}}")
add_member(
    team=Team.objects.get(organization__namespace__name="library", name="owners"),
    member=User.objects.get(username="{{owner}}"),
    now=timezone.now(),
)
manage("create_repository", "{PUBLIC_REPOSITORY}", "--public")
tokens = [
    manage("create_robot", "{ROBOT}"),
    manage("create_token", "{{owner}}", "--name", "clients", "--scope", "admin"),
]
manage("grant", "write", "{ROBOT_REPOSITORY}", "--robot", "{ROBOT}", "--create")
print(json.dumps(tokens))
"""


def populate(server: RunningServer) -> Registry:
    """Make the people and the repositories that the client tests assume."""
    owner = Login("harbourmaster", "a pilot and two tugs")
    stranger = Login("stowaway", "behind the third lifeboat")
    people = [(person.name, person.password) for person in (owner, stranger)]

    commands = COMMANDS.format(people=people, owner=owner.name)
    answer = server.manage("shell", "--no-imports", "--command", commands)
    robot_token, application_token = json.loads(answer.splitlines()[-1])

    return Registry(
        url=server.url,
        host=server.host,
        ca_file=server.ca_file,
        owner=owner,
        stranger=stranger,
        robot=Login(ROBOT, robot_token),
        application=Login("$app", application_token),
        server=server,
    )
