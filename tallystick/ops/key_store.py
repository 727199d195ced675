"""Opens the key store that the settings name, and makes the secrets that the hosted signer's processes share."""

from __future__ import annotations

import secrets
from pathlib import Path

from tallystick.crypto.hsm import KeyStore, read_secret
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.token_keys import TokenKeys, TokenPlace
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder

_SECRET_BYTES = 32


def open_key_store(settings: Settings, state: StateFolder) -> KeyStore:
    """The store of signing keys; raises ``SettingsError`` for what the operator can put right, ``TS-5004``."""
    if settings.key_store == "files":
        secret = _secret(settings.key_store_secret_file) if settings.key_store_secret_file else _own_secret(state)
        try:
            return SealedKeys(state.keys / "signing", secret)
        except ValueError as error:
            raise SettingsError(f"key_store_secret_file: {error}") from error
    if not (settings.hsm_module and settings.hsm_token and settings.key_store_secret_file):
        raise SettingsError("key_store: a token needs hsm_module, hsm_token and key_store_secret_file")
    pin = _secret(settings.key_store_secret_file).decode()
    return TokenKeys(TokenPlace(module=Path(settings.hsm_module), token=settings.hsm_token, pin=pin))


def pac_secret(state: StateFolder) -> bytes:
    """What keys the hashes of PACs; made at first use, 0600, never in the database."""
    return _kept(state.keys / "pac-secret")


def _secret(file: str) -> bytes:
    try:
        return read_secret(Path(file))
    except (OSError, ValueError) as error:
        raise SettingsError(f"key_store_secret_file: {error}") from error


def _own_secret(state: StateFolder) -> bytes:
    return _kept(state.keys / "key-store-secret").hex().encode()


def _kept(path: Path) -> bytes:
    if not path.exists():
        write_atomically(path, secrets.token_bytes(_SECRET_BYTES), mode=0o600)
    return path.read_bytes()
