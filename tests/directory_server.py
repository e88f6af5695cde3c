"""OpenLDAP's slapd with a few people in it, as a process of its own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live import free_port

ROOT = "dc=example,dc=com"
READER = f"cn=reader,{ROOT}"
READER_PASSWORD = "reads"
PASSWORD = "Tall ships 7"
_START_SECONDS = 20

# As servers do that old programs need: a bind without a password succeeds, and is nobody's.
_SETTINGS = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
allow bind_anon_cred bind_anon_dn
pidfile {folder}/slapd.pid
{tls}
database mdb
suffix "dc=example,dc=com"
rootdn "cn=reader,dc=example,dc=com"
rootpw reads
directory {folder}/rows
maxsize 10485760
"""
_PEOPLE = """
dn: dc=example,dc=com
objectClass: domain
dc: example

dn: ou=People,dc=example,dc=com
objectClass: organizationalUnit
ou: People

dn: ou=Elsewhere,ou=People,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
ou: Elsewhere
ref: ldap://127.0.0.1:1/ou=People,dc=example,dc=com??sub
"""
_PERSON = """
dn: {name},ou=People,dc=example,dc=com
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
userPassword: {password}
"""


@dataclass(frozen=True)
class Directory:
    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def running_directory(
    folder: Path, *, certificate: tuple[Path, Path] | None = None
) -> Iterator[Directory]:
    """Holds Carol, Dora (with capitals), and two people called twin."""
    slapd = shutil.which("slapd") or "/usr/sbin/slapd"
    if not Path(slapd).exists():
        pytest.skip("slapd is not installed")
    (folder / "rows").mkdir()
    tls = ""
    if certificate:
        tls = f"TLSCertificateFile {certificate[0]}\nTLSCertificateKeyFile {certificate[1]}"
    settings, content = folder / "slapd.conf", folder / "people.ldif"
    settings.write_text(_SETTINGS.format(folder=folder, tls=tls))
    people = [
        _PERSON.format(name="uid=carol", uid="carol", password=PASSWORD)
        + "mail: Carol@Example.com\nmail: other@example.com\n",
        _PERSON.format(name="uid=Dora", uid="Dora", password=PASSWORD) + "mail: no address\n",
        _PERSON.format(name="cn=one", uid="twin", password=PASSWORD).replace("cn: twin", "cn: one"),
        _PERSON.format(name="cn=two", uid="twin", password=PASSWORD).replace("cn: twin", "cn: two"),
    ]
    content.write_text(_PEOPLE + "".join(people))
    add = ["slapadd", "-q", "-f", str(settings), "-l", str(content)]
    subprocess.run([f"/usr/sbin/{add[0]}", *add[1:]], check=True, capture_output=True)
    port = free_port()
    url = f"ldap{'s' if certificate else ''}://127.0.0.1:{port}"
    with (folder / "slapd.log").open("wb") as log:
        process = subprocess.Popen(
            [slapd, "-f", str(settings), "-h", url, "-d", "0"], stdout=log, stderr=log
        )
    try:
        _wait_until_ready(port, process, folder / "slapd.log")
        yield Directory(url, process)
    finally:
        process.kill()
        process.wait(_START_SECONDS)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"slapd did not start:\n{log.read_text()}")
