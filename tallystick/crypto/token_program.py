"""A program of its own that opens TLS with a client key that cannot leave its token, and then is a pipe to the server.

``python -m tallystick.crypto.token_program`` reads the certificate through PKCS#11, checks whose it is, and becomes
``openssl s_client`` with the token behind it: the pkcs11 provider of OpenSSL where it is installed, else its engine.
What it is given on its standard input goes to the server, what the server says comes on the standard output. A module
of a card's maker so never runs inside the E-SDC, and a module that hangs is ended with this process. The PIN is read by
OpenSSL from a file of mode 0600; it is in no argument, environment or log.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote

import attrs

from tallystick.crypto.certificates import pem_of, read_card_certificate
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault

OPENSSL = "openssl"
_TLS_12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_FOLDER = re.compile(r'"(.+)"')


class TokenProblem(Exception):
    """The token, its certificate or OpenSSL's way to it is not there; the message is for people and holds no PIN."""


@attrs.frozen(slots=True)
class Pkcs11Uri:
    """The parts of an RFC 7512 URI that choose a token and what lies on it."""

    attributes: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Pkcs11Uri:
        """Read a URI; raises `TokenProblem` for another scheme, an unknown form, or a PIN inside."""
        scheme, _, rest = text.partition(":")
        path, _, query = rest.partition("?")
        if scheme != "pkcs11" or query:
            raise TokenProblem("a token's URI begins with pkcs11: and has no question mark; the PIN stands in its file")
        pairs = [part.partition("=") for part in path.split(";") if part]
        if any(not equals or name.startswith("pin-") for name, equals, _ in pairs):
            raise TokenProblem("a token's URI holds name=value parts and never a PIN")
        return cls({name: value for name, _, value in pairs})

    def text(self, name: str) -> str | None:
        """The value of an attribute, decoded."""
        value = self.attributes.get(name)
        return None if value is None else unquote(value)

    @property
    def object_id(self) -> bytes | None:
        """CKA_ID, which may be any bytes."""
        value = self.attributes.get("id")
        return None if value is None else unquote(value, "latin-1").encode("latin-1")

    def of_key(self, pin_file: str) -> str:
        """The URI of the private key, for OpenSSL, which reads the PIN from the file itself."""
        kept = [f"{name}={value}" for name, value in self.attributes.items() if name != "type"]
        return f"pkcs11:{';'.join((*kept, 'type=private'))}?pin-source={quote('file:' + pin_file, safe='/:')}"


def read_certificate(module: str, uri: Pkcs11Uri) -> bytes:
    """The certificate that the URI names, DER. Raises `TokenProblem`."""
    import pkcs11
    from pkcs11 import Attribute, ObjectClass

    wanted: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.CERTIFICATE}
    if (label := uri.text("object")) is not None:
        wanted[Attribute.LABEL] = label
    if uri.object_id is not None:
        wanted[Attribute.ID] = uri.object_id
    try:
        token = pkcs11.lib(module).get_token(token_label=uri.text("token"), token_serial=_serial(uri))
        with token.open() as session:
            found = [bytes(one[Attribute.VALUE]) for one in session.get_objects(wanted)]
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise TokenProblem(f"the token cannot be read: {type(error).__name__} {error}".strip()) from error
    if len(found) != 1:
        raise TokenProblem(f"{len(found)} certificates on the token fit the URI")
    return found[0]


def _serial(uri: Pkcs11Uri) -> bytes | None:
    serial = uri.text("serial")
    return None if serial is None else serial.encode()


def check_certificate(der: bytes, uid: str) -> None:
    """Whether this is the client certificate of the card in the reader; raises `TokenProblem`."""
    try:
        found = read_card_certificate(der)
    except Fault as error:
        raise TokenProblem(f"the certificate on the token cannot be read: {error}") from error
    if found.uid != uid or found.certificate_class is not CertificateClass.V34:
        raise TokenProblem(f"the token shows a certificate of {found.uid}, class {found.certificate_class.name}")


def way_to_token(module: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment with which OpenSSL uses the module: its provider, else its engine."""
    if (_folder_of("-m") / "pkcs11.so").exists():
        return ["-provider", "default", "-provider", "pkcs11"], {"PKCS11_PROVIDER_MODULE": module}
    if (_folder_of("-e") / "pkcs11.so").exists():
        return ["-engine", "pkcs11", "-keyform", "engine"], {"PKCS11_MODULE_PATH": module}
    raise TokenProblem("OpenSSL has neither a provider nor an engine for PKCS#11")


def _folder_of(option: str) -> Path:
    try:
        said = subprocess.run([OPENSSL, "version", option], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise TokenProblem(f"there is no OpenSSL command: {error}") from error
    found = _FOLDER.search(said.stdout)
    return Path(found[1]) if found else Path("/nonexistent")


def s_client(host: str, port: int, ca: str, highest: str) -> list[str]:
    """The command without certificate and key: trusts `ca` alone, checks the name, TLS 1.2 up to `highest`."""
    try:
        ipaddress.ip_address(host)
        name = ["-verify_ip", host]
    except ValueError:
        name = ["-verify_hostname", host, "-servername", host]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [
        *(OPENSSL, "s_client", "-quiet", "-nocommands", "-connect", address),
        *("-CAfile", ca, "-no-CApath", "-no-CAstore", "-verify_return_error", "-verify_quiet", "-verify", "4", *name),
        *("-min_protocol", "TLSv1.2", "-max_protocol", f"TLSv{highest}", "-cipher", _TLS_12_CIPHERS),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("module", "uri", "pin-file", "uid", "host", "ca"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--highest", choices=("1.2", "1.3"), required=True)
    return parser.parse_args()


def _nameless_file(content: bytes) -> str:
    """A file in memory that only the next program inherits."""
    handle = os.memfd_create("token", 0)
    os.write(handle, content)
    return f"/proc/self/fd/{handle}"


def _read_pin(path: str) -> bytes:
    """The PIN without the line's end, which OpenSSL would take for a part of it; raises `TokenProblem`."""
    try:
        return Path(path).read_bytes().strip()
    except OSError as error:
        raise TokenProblem(f"the PIN's file cannot be read: {error.strerror}") from error


def main() -> None:
    """Check, then become the connection; exit status 1 and one sentence on standard error when it cannot."""
    given = _arguments()
    try:
        uri = Pkcs11Uri.parse(given.uri)
        der = read_certificate(given.module, uri)
        check_certificate(der, given.uid)
        way, environment = way_to_token(given.module)
        pin_file = _nameless_file(_read_pin(given.pin_file))
    except TokenProblem as problem:
        sys.exit(f"token: {problem}")
    command = s_client(given.host, given.port, given.ca, given.highest)
    command += [*way, "-cert", _nameless_file(pem_of(der)), "-key", uri.of_key(pin_file)]
    os.execvpe(command[0], command, os.environ | environment)  # noqa: S606


if __name__ == "__main__":
    main()
