"""Which key store the settings mean, and what is said when they do not suffice."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from softhsm import make_token, module_path, process_configuration

from tallystick.crypto.keys import KeyKind
from tallystick.crypto.token_keys import PinRefused, TokenKeys, TokenPlace
from tallystick.ops.key_store import EVERY_PURPOSE, open_key_store, pac_secret, store_opener
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    made = StateFolder.of(str(tmp_path))
    made.keys.mkdir(parents=True)
    return made


def test_the_default_is_sealed_files_with_a_secret_made_once(state: StateFolder) -> None:
    store = open_key_store(Settings(), state)
    public = store.generate("vsdc-abc", KeyKind.RSA)
    store.close()
    assert open_key_store(Settings(), state).public_key("vsdc-abc") == public
    for name in ("key-store-secret", "signing/vsdc-abc.key"):
        assert stat.S_IMODE((state.keys / name).stat().st_mode) == 0o600


def test_another_passphrase_is_a_sentence(state: StateFolder, tmp_path: Path) -> None:
    open_key_store(Settings(), state).generate("vsdc-abc", KeyKind.RSA)
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("something else")
    with pytest.raises(SettingsError, match="does not open"):
        open_key_store(Settings(key_store_secret_file=str(secret)), state)


def test_a_token_needs_module_label_and_pin(state: StateFolder) -> None:
    with pytest.raises(SettingsError, match="hsm_module"):
        open_key_store(Settings(key_store="pkcs11"), state)


def test_a_pin_that_others_may_read_is_refused(state: StateFolder, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("1234")
    pin.chmod(0o644)
    settings = Settings(key_store="pkcs11", hsm_module="x", hsm_token="x", key_store_secret_file=str(pin))
    with pytest.raises(SettingsError, match="0600"):
        open_key_store(settings, state)


def test_the_secret_of_pacs_stays(state: StateFolder) -> None:
    assert pac_secret(state) == pac_secret(state)
    assert len(pac_secret(state)) == 32


def test_a_refused_pin_is_not_tried_a_second_time(
    state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_path()
    label = make_token(process_configuration(), "refused")
    pin = tmp_path / "pin"
    pin.touch(mode=0o600)
    pin.write_text("000000")
    settings = Settings(key_store="pkcs11", hsm_module=str(module), hsm_token=label, key_store_secret_file=str(pin))
    tried: list[TokenPlace] = []

    def counted(place: TokenPlace, **more: Any) -> TokenKeys:
        tried.append(place)
        return TokenKeys(place, **more)

    monkeypatch.setattr("tallystick.ops.key_store.TokenKeys", counted)
    open_store = store_opener(settings, state, only=EVERY_PURPOSE)
    for _ in range(3):
        with pytest.raises(PinRefused, match="TS-5004"):
            open_store()
    assert len(tried) == 1


def test_a_pin_may_come_from_a_descriptor(state: StateFolder) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"correct horse\n")
    os.close(writing)
    settings = Settings(key_store_secret_file=f"/dev/fd/{reading}")
    store = open_key_store(settings, state)
    store.generate("vsdc-abc", KeyKind.RSA)
    os.close(reading)
    with pytest.raises(SettingsError):
        open_key_store(Settings(), state)
