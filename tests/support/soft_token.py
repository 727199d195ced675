"""A SoftHSM2 token of one test: its own configuration and folder, a key and a certificate that were imported once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

from tallystick.crypto.keys import PrivateKey
from tallystick.device.secure_element import TokenIdentity

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "735102"
LABEL = "card"


@attrs.frozen(slots=True)
class SoftToken:
    """A token with the client key of a card."""

    folder: Path
    module: Path
    pin_file: Path

    @property
    def uri(self) -> str:
        """The one key on the token."""
        return "pkcs11:token=card;object=client"

    def identity(self, **changes: object) -> TokenIdentity:
        """How an E-SDC is told of it."""
        made = TokenIdentity(module=self.module, uri=self.uri, pin_file=self.pin_file)
        return attrs.evolve(made, **changes)  # type: ignore[arg-type]


def require_softhsm() -> Path:
    """The module, or a skip that says what is missing."""
    found = next((Path(module) for module in MODULES if Path(module).exists()), None)
    missing = [name for name in ("softhsm2-util", "openssl", "pkcs11-tool") if shutil.which(name) is None]
    if found is None or missing:
        pytest.skip(f"needs softhsm2, opensc, openssl, libengine-pkcs11-openssl: {missing or 'no module'}")
    engines = subprocess.run(["openssl", "version", "-e", "-m"], capture_output=True, text=True, check=True).stdout
    folders = [Path(part) for part in engines.split('"')[1::2]]
    if not any((folder / "pkcs11.so").exists() for folder in folders):
        pytest.skip("needs libengine-pkcs11-openssl or the pkcs11 provider of OpenSSL")
    return found


def soft_token(folder: Path, monkeypatch: pytest.MonkeyPatch, key: PrivateKey, certificate: bytes) -> SoftToken:
    """Make a token; the key can be used and not read from then on."""
    module = require_softhsm()
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    _run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "12345678")
    (folder / "key.der").write_bytes(key.pkcs8)
    (folder / "cert.der").write_bytes(certificate)
    store = ["pkcs11-tool", "--module", str(module), "--token-label", LABEL, "--login", "--pin", PIN, "--id", "01"]
    _run(*store, "--write-object", str(folder / "key.der"), "--type", "privkey", "--label", "client", "--usage-sign")
    _run(*store, "--write-object", str(folder / "cert.der"), "--type", "cert", "--label", "client")
    (folder / "key.der").unlink()
    pin_file = folder / "pin"
    pin_file.write_text(PIN + "\n")
    pin_file.chmod(0o600)
    return SoftToken(folder, module, pin_file)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert done.returncode == 0, (command[0], done.stdout, done.stderr)
