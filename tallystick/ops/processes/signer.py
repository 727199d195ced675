"""The process that holds the signing keys of the hosted signer; it has no database and no network."""

from __future__ import annotations

from tallystick.authority.channels.vsdc.signing import run_signing
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.ops.key_store import open_key_store
from tallystick.ops.processes.context import Context


def run() -> None:
    """Serve until stopped."""
    context = Context.load("signer")
    keys = open_key_store(context.settings, context.state, only={KeyPurpose.INVOICE})
    with context.health({}):
        run_signing(context.socket("signer"), keys)
    keys.close()
