"""Where a ceremony's keys may lie: sealed files in a folder, or a token whose first PIN gives way to the new secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.token_keys import PinRefused, TokenKeys, TokenPlace, change_pin

PIN_CHARACTERS = 32


@attrs.frozen
class CeremonyStore:
    """``prepare`` puts the secret into the empty store, ``open`` opens it then; processes read ``activation``."""

    prepare: Callable[[bytes], None]
    open: Callable[[bytes], KeyStore]
    activation: Callable[[bytes], str]


def sealed_store(folder: Path) -> CeremonyStore:
    """Sealed files; the passphrase is the secret in hex."""

    def activation(secret: bytes) -> str:
        return secret.hex()

    return CeremonyStore(
        lambda secret: None, lambda secret: SealedKeys(folder, activation(secret).encode()), activation
    )


def token_store(module: Path, token: str, first_pin: str, *, pin_characters: int = PIN_CHARACTERS) -> CeremonyStore:
    """A token that its maker's tool has initialised with a first PIN; the PIN becomes the first digits of the secret.

    An interrupted ceremony may have changed the PIN already: the first one is then refused once, and the new one holds.
    """

    def activation(secret: bytes) -> str:
        return secret.hex()[:pin_characters]

    def place(pin: str) -> TokenPlace:
        return TokenPlace(module=module, token=token, pin=pin)

    def prepare(secret: bytes) -> None:
        try:
            change_pin(place(first_pin), activation(secret))
        except PinRefused:
            TokenKeys(place(activation(secret))).close()

    return CeremonyStore(prepare, lambda secret: TokenKeys(place(activation(secret))), activation)
