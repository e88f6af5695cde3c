"""What a signer's certificate says of the signer. Whether it is to be trusted is not asked here.

Source: RFC 5280; sigstore/fulcio, "docs/oid-info.md".
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

MAX_CERTIFICATE_BYTES: Final = 32 * 1024
_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_BEFORE: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_LONGEST: Final = 300
_UTF8_STRING: Final = 0x0C


class CertificateUnreadable(ValueError):
    """The bytes are no X.509 certificate. A few words for a person."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """``identity`` and ``provider``: who a keyless signer was, and who said so. Often empty."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    identity: str = ""
    provider: str = ""

    def __str__(self) -> str:
        if self.identity:
            return f"{self.identity} ({self.provider})" if self.provider else self.identity
        return self.subject


def read_certificate(data: bytes) -> Certificate:
    """The certificate in DER, or the first one in PEM. Raises ``CertificateUnreadable``."""
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise CertificateUnreadable(f"it is larger than {MAX_CERTIFICATE_BYTES} bytes")
    try:
        certificate = _load(data)
        return Certificate(
            subject=certificate.subject.rfc4514_string()[:_LONGEST],
            issuer=certificate.issuer.rfc4514_string()[:_LONGEST],
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            identity=_identity(certificate)[:_LONGEST],
            provider=_provider(certificate)[:_LONGEST],
        )
    except (ValueError, TypeError, OverflowError, x509.UnsupportedGeneralNameType) as error:
        raise CertificateUnreadable("it is no X.509 certificate") from error


def _load(data: bytes) -> x509.Certificate:
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificate(data)
    certificate = x509.load_der_x509_certificate(data)
    if len(certificate.public_bytes(Encoding.DER)) != len(data):
        raise ValueError("more bytes follow")
    return certificate


def _identity(certificate: x509.Certificate) -> str:
    """The first name of the subject: an address of mail, or of a workflow."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    if not isinstance(names, x509.SubjectAlternativeName):
        return ""
    for name in names:
        if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier | x509.DNSName):
            return str(name.value)
    return ""


def _provider(certificate: x509.Certificate) -> str:
    """Who told Fulcio who the signer is."""
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.UnrecognizedExtension):
            if extension.oid == _ISSUER:
                return _der_text(value.value)
            if extension.oid == _ISSUER_BEFORE:
                return value.value.decode(errors="replace")
    return ""


def _der_text(value: bytes) -> str:
    """A UTF8String of less than 128 bytes; other lengths are shown as they come."""
    if len(value) > 1 and value[0] == _UTF8_STRING and value[1] == len(value) - 2:
        value = value[2:]
    return value.decode(errors="replace")


def _extension(
    certificate: x509.Certificate, kind: type[x509.SubjectAlternativeName]
) -> x509.ExtensionType | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
