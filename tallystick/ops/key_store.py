"""Opens the key store that the settings name, and makes the secrets that the hosted signer's processes share."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Set
from pathlib import Path

from tallystick.crypto.hsm import KeyStore, read_secret
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.token_keys import PinRefused, TokenKeys, TokenPlace
from tallystick.kit.atomic_file import read_or_make
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder

_SECRET_BYTES = 32
EVERY_PURPOSE = frozenset(KeyPurpose)


def open_key_store(settings: Settings, state: StateFolder, *, only: Set[KeyPurpose] = EVERY_PURPOSE) -> KeyStore:
    """The store of the authority's keys, of which a process uses those of its purposes.

    Raises ``SettingsError`` for what the operator can put right, ``TS-5004``.
    """
    if settings.key_store == "files":
        secret = (
            read_secret_file(settings.key_store_secret_file) if settings.key_store_secret_file else _own_secret(state)
        )
        try:
            return SealedKeys(sealed_folder(state), secret, only=only)
        except ValueError as error:
            raise SettingsError(f"key_store_secret_file: {error}") from error
    if not (settings.hsm_module and settings.hsm_token and settings.key_store_secret_file):
        raise SettingsError("key_store: a token needs hsm_module, hsm_token and key_store_secret_file")
    pin = read_secret_file(settings.key_store_secret_file).decode()
    return TokenKeys(TokenPlace(module=Path(settings.hsm_module), token=settings.hsm_token, pin=pin), only=only)


def sealed_folder(state: StateFolder) -> Path:
    """Where the sealed files lie."""
    return state.keys / "signing"


def store_opener(settings: Settings, state: StateFolder, *, only: Set[KeyPurpose]) -> Callable[[], KeyStore]:
    """Opens the store when it is called, as often as it is away; a PIN that was refused is not tried a second time."""
    refused: list[PinRefused] = []

    def open_store() -> KeyStore:
        if refused:
            raise refused[0]
        try:
            return open_key_store(settings, state, only=only)
        except PinRefused as fault:
            refused.append(fault)
            raise

    return open_store


def pac_secret(state: StateFolder) -> bytes:
    """What keys the hashes of PACs; made at first use, 0600, never in the database."""
    return _kept(state.keys / "pac-secret")


def read_secret_file(file: str) -> bytes:
    """Passphrase or PIN from the file of a setting; raises ``SettingsError``."""
    try:
        return read_secret(Path(file))
    except (OSError, ValueError) as error:
        raise SettingsError(f"key_store_secret_file: {error}") from error


def _own_secret(state: StateFolder) -> bytes:
    return _kept(state.keys / "key-store-secret").hex().encode()


def _kept(path: Path) -> bytes:
    return read_or_make(path, lambda: secrets.token_bytes(_SECRET_BYTES))
