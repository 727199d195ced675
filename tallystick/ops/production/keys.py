"""The key of the letters' printer: the station has its public half, the place that prints has the private one."""

from __future__ import annotations

from tallystick.crypto.keys import (
    PrivateKey,
    PublicKey,
    generate_rsa_key,
    load_private_key,
    load_public_key,
    store_private_key,
    store_public_key,
)
from tallystick.ops.settings import SettingsError
from tallystick.ops.state_folder import StateFolder

_NAME = "pin-letters"


def printer_public_key(state: StateFolder) -> PublicKey:
    """What the station closes PINs with; the pair is made at first use, unless a public key was put there."""
    public = state.keys / f"{_NAME}-public.pem"
    if not public.exists():
        key = generate_rsa_key()
        store_private_key(state.keys / f"{_NAME}-key.pem", key)
        store_public_key(public, key.public)
    return load_public_key(public)


def printer_private_key(state: StateFolder) -> PrivateKey:
    """What letters are opened with; raises ``SettingsError`` at a place that does not have it."""
    private = state.keys / f"{_NAME}-key.pem"
    try:
        return load_private_key(private)
    except OSError as error:
        raise SettingsError(f"letters are printed where the printer's key lies, and it is not here: {error}") from error
