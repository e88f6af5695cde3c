"""A root CA of our own and a certificate for this server, for HTTPS without the outside world.

The root stays: clients trust it. The server's certificate is made again when the server's names
change or its end comes near. Source: RFC 5280; Apple and Go refuse leaves of more than 825 days.
"""

import os
import socket
import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.serving.processes import (
    CLIENT_FOLDER,
    ROOT_CERTIFICATE,
    ROOT_KEY,
    SERVER_CERTIFICATE,
    SERVER_KEY,
    Options,
    ServedCertificate,
)

_ROOT_LIFETIME = timedelta(days=3650)
_SERVER_LIFETIME = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)
_CLOCKS_DIFFER_BY = timedelta(hours=1)  # a client whose clock is behind must not refuse us


def server_context(served: ServedCertificate) -> ssl.SSLContext:
    """How clients are spoken to over TLS: HTTP/1.1, because Go's upload faster with it than with
    HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(served.certificate, served.key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def ensure_certificate(*, data: Path, names: list[str], now: datetime) -> ServedCertificate:
    """The server's certificate for ``names``, made or renewed when it has to be.

    Args:
        data: the data folder; the files and their places are those of ``processes.py``.
        names: host names and IP addresses that clients use, most usual first.
        now: decides whether a certificate nears its end.
    """
    served = ServedCertificate(data / SERVER_CERTIFICATE, data / SERVER_KEY)
    root, root_key = _root(data, names, now)
    if not _still_good(served, root, names, now):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _issue(key, root, root_key, names, now)
        _write_key(served.key, key)
        _write(served.certificate, _pem(certificate) + _pem(root))
    return served


def names_of(options: Options) -> list[str]:
    """Every name under which clients may reach the server."""
    named = urlsplit(f"//{options.server_hostname}").hostname or ""
    everywhere = options.host in {"0.0.0.0", "::"}  # noqa: S104
    host = socket.gethostname() if everywhere else options.host
    names = [named, host, "localhost", "127.0.0.1", "::1"]
    return list(dict.fromkeys(name for name in names if name))


def _root(
    data: Path, names: list[str], now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The root, made anew when there is none or when it may not vouch for one of ``names``."""
    certificate_file, key_file = data / ROOT_CERTIFICATE, data / ROOT_KEY
    if certificate_file.exists() and key_file.exists():
        key = _load_key(key_file)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        is_new = not _permits(certificate, names)
    else:
        is_new = True
    if is_new:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _make_root(key, names, now)
        _write_key(key_file, key)
        _write(certificate_file, _pem(certificate))
    # podman's --cert-dir reads every *.crt of a folder.
    client_copy = data / CLIENT_FOLDER / "ca.crt"
    if not client_copy.exists() or client_copy.read_bytes() != certificate_file.read_bytes():
        _write(client_copy, certificate_file.read_bytes())
    return certificate, key


def _make_root(
    key: ec.EllipticCurvePrivateKey, names: list[str], now: datetime
) -> x509.Certificate:
    """A root that vouches for ``names`` only: whoever steals its key can be nobody else."""
    name = _name(f"Berth local CA ({socket.gethostname()})")
    return (
        _builder(name, name, key.public_key(), now, now + _ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.NameConstraints([_subtree(name) for name in names], excluded_subtrees=None),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )


def _permits(root: x509.Certificate, names: list[str]) -> bool:
    """Whether ``root`` vouches for all ``names``. One without constraints vouches for anybody."""
    try:
        constraints = root.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    return {_subtree(name) for name in names} <= set(constraints.permitted_subtrees or ())


def _subtree(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_network(name))
    except ValueError:
        return x509.DNSName(name)


def _issue(
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    names: list[str],
    now: datetime,
) -> x509.Certificate:
    until = min(now + _SERVER_LIFETIME, root.not_valid_after_utc)
    return (
        _builder(_name(names[0]), root.subject, key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    )


def _still_good(
    served: ServedCertificate, root: x509.Certificate, names: list[str], now: datetime
) -> bool:
    if not (served.certificate.exists() and served.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(served.certificate.read_bytes())
    covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        set(covered) >= set(_alternatives(names))
        and certificate.not_valid_before_utc <= now
        and now + _RENEW_BEFORE < certificate.not_valid_after_utc
        and certificate.public_key() == _load_key(served.key).public_key()
        and _is_signed_by(certificate, root)
    )


def _is_signed_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except Exception:  # whatever is wrong with it, we make a new one
        return False
    return True


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER_BY)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: list[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in names]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    # A common name has at most 64 characters; clients look only at the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} is no key that Berth made")
    return key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(path, pem)


def write_private(path: Path, content: bytes) -> None:
    _write(path, content, mode=0o600)


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask is: certificates are for everybody
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
