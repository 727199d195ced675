"""TLS settings of the device listener and of devices: 1.3, and 1.2 as long as the registry of algorithms allows it.

Expiry of certificates is left to the application (security 3.2).

Two things of the table the standard library cannot give: demanding the extended master secret, and a list of hinted
authorities in the certificate request.
"""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

from tallystick.crypto.branches import authority_names
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.policy import Use, is_allowed

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL: an expired client certificate gets our code, not a TLS alert."""
_TLS_12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def tls_server_context(folder: Path, branches: tuple[str, ...] = ("secure-element-ca",)) -> ssl.SSLContext:
    """A listener over a folder of ``DemoPki``: client certificate asked for, not demanded.

    A chain that does not lead to an authority of the ``branches`` ends in a TLS alert; validity, and whether an
    authority was withdrawn, are judged by the application, so that a device is told.
    """
    context = _bounded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    take_server_certificate(context, folder)
    take_authorities(context, folder, branches)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def take_authorities(context: ssl.SSLContext, folder: Path, branches: tuple[str, ...]) -> None:
    """Believe the authorities of these branches that lie in the folder now; one that is believed already stays.

    Raises ``OSError`` and ``ssl.SSLError`` where a file is not whole.
    """
    files = PkiFiles(folder)
    for name in authority_names(folder, *branches):
        context.load_verify_locations(files.certificate(name))


def take_server_certificate(context: ssl.SSLContext, folder: Path) -> None:
    """Use the server certificate that lies in the folder now, for every connection from now on.

    Raises ``ssl.SSLError`` while key and certificate do not belong together, and changes nothing then.
    """
    files = PkiFiles(folder)
    certificate, key = files.certificate("tls"), files.private_key("tls")
    # Tried on a context that serves nobody: a half-written pair would leave the live one without a key.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    context.load_cert_chain(certificate, key)


def tls_client_context(
    ca: Path, cert: Path | None = None, key: Path | None = None, *, passphrase: str | None = None
) -> ssl.SSLContext:
    """A device towards the authority: trusts ``ca`` only, checks the name, shows its certificate if it has one."""
    context = _bounded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.load_verify_locations(ca)
    if cert is not None:
        context.load_cert_chain(cert, key, passphrase)
    return context


def least_version(moment: datetime | None = None) -> ssl.TLSVersion:
    """The oldest version that may be spoken at an aware moment (default: now); a pack ends 1.2 by a date (S0-034)."""
    return ssl.TLSVersion.TLSv1_2 if is_allowed(Use.SPEAK_TLS_1_2, moment) else ssl.TLSVersion.TLSv1_3


def _bounded(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = least_version()
    context.set_ciphers(_TLS_12_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context
