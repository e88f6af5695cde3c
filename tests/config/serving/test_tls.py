"""Certificates for HTTPS, checked by OpenSSL as a client would."""

import os
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.serving.processes import Options, ServedCertificate
from config.serving.tls import _issue, _load_key, ensure_certificate, names_of

NAMES = ["registry.example.com", "localhost", "127.0.0.1", "::1"]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def served(tmp_path: Path, now: datetime) -> ServedCertificate:
    return ensure_certificate(data=tmp_path, names=NAMES, now=now)


def leaf(served: ServedCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(served.certificate.read_bytes())


def handshake(served: ServedCertificate, root: Path, name: str) -> None:
    """Connect as a client that trusts ``root`` and asks for ``name``."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(served.certificate, served.key)
    client = ssl.create_default_context(cafile=str(root))
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    theirs.settimeout(5)
    thread = threading.Thread(target=answer, args=(server, theirs))
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as connection:
            connection.recv(1)
    finally:
        ours.close()
        thread.join()


def answer(context: ssl.SSLContext, connection: socket.socket) -> None:
    try:
        with context.wrap_socket(connection, server_side=True) as accepted:
            accepted.send(b"!")
    except (ssl.SSLError, OSError):
        connection.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_root_accepts_the_server_under_all_its_names(
    served: ServedCertificate, tmp_path: Path, name: str
) -> None:
    handshake(served, tmp_path / "rootCA.pem", name)


def test_a_client_refuses_the_server_under_another_name(
    served: ServedCertificate, tmp_path: Path
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(served, tmp_path / "rootCA.pem", "elsewhere.example.com")


def test_a_client_that_trusts_another_root_refuses_the_server(
    served: ServedCertificate, tmp_path: Path, now: datetime
) -> None:
    ensure_certificate(data=tmp_path / "other", names=NAMES, now=now)

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(served, tmp_path / "other" / "rootCA.pem", "localhost")


def test_private_keys_are_for_the_owner_only(served: ServedCertificate, tmp_path: Path) -> None:
    for key in (served.key, tmp_path / "tls" / "rootCA.key"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_the_certificate_lives_no_longer_than_clients_accept(served: ServedCertificate) -> None:
    certificate = leaf(served)

    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(days=825)


def test_a_good_certificate_is_kept(
    served: ServedCertificate, tmp_path: Path, now: datetime
) -> None:
    before = leaf(served)

    ensure_certificate(data=tmp_path, names=NAMES, now=now + timedelta(days=300))

    assert leaf(served) == before


def test_a_certificate_is_renewed_under_the_same_root(
    served: ServedCertificate, tmp_path: Path, now: datetime
) -> None:
    before, root = leaf(served), (tmp_path / "rootCA.pem").read_bytes()

    ensure_certificate(data=tmp_path, names=NAMES, now=now + timedelta(days=370))

    assert leaf(served) != before
    assert (tmp_path / "rootCA.pem").read_bytes() == root
    leaf(served).verify_directly_issued_by(x509.load_pem_x509_certificate(root))


def test_a_new_name_takes_a_new_root_and_the_copy_for_clients_follows(
    served: ServedCertificate, tmp_path: Path, now: datetime
) -> None:
    ensure_certificate(data=tmp_path, names=["new.example.com", *NAMES], now=now)

    handshake(served, tmp_path / "rootCA.pem", "new.example.com")
    assert (tmp_path / "tls/client/ca.crt").read_bytes() == (tmp_path / "rootCA.pem").read_bytes()


def test_the_root_vouches_for_the_served_names_only(
    served: ServedCertificate, tmp_path: Path, now: datetime
) -> None:
    root = x509.load_pem_x509_certificate((tmp_path / "rootCA.pem").read_bytes())
    root_key = _load_key(tmp_path / "tls/rootCA.key")
    stolen = _issue(_load_key(served.key), root, root_key, ["bank.example.com"], now)
    served.certificate.write_bytes(stolen.public_bytes(Encoding.PEM))

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(served, tmp_path / "rootCA.pem", "bank.example.com")


def test_certificates_are_for_everybody_whatever_the_umask(tmp_path: Path, now: datetime) -> None:
    before = os.umask(0o077)
    try:
        ensure_certificate(data=tmp_path, names=NAMES, now=now)
    finally:
        os.umask(before)

    assert (tmp_path / "rootCA.pem").stat().st_mode & 0o777 == 0o644


def test_the_names_are_those_that_clients_may_use() -> None:
    options = Options.read({"HOST": "10.0.0.7", "SERVER_HOSTNAME": "registry.example.com:8443"})

    assert names_of(options) == [
        "registry.example.com", "10.0.0.7", "localhost", "127.0.0.1", "::1",
    ]  # fmt: skip
