"""Wrapped keys are written once, and a signature counts for the kind of key alone that its use names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.crypto import sealed_keys
from tallystick.crypto.key_purposes import KeyPurpose, verify_use
from tallystick.crypto.keys import KeyKind, generate_ed25519_key, generate_rsa_key
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.wrapped_keys import keep_wrapped, open_wrapped
from tallystick.kernel.faults import Fault


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SealedKeys:
    """What argon2id costs is not what is tried here."""
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)
    return SealedKeys(tmp_path / "store", b"correct horse")


def test_ts_3004_a_wrapped_key_is_never_written_over(store: SealedKeys, tmp_path: Path) -> None:
    """Whatever was sealed for the first one could be opened by nobody any more."""
    store.generate_wrapping("wrapping")
    first, second = generate_rsa_key(), generate_rsa_key()
    keep_wrapped(store, "wrapping", tmp_path / "package", "package", first)
    with pytest.raises(Fault, match="TS-3004"):
        keep_wrapped(store, "wrapping", tmp_path / "package", "package", second)
    assert open_wrapped(store, "wrapping", tmp_path / "package", "package").public == first.public


def test_ts_1312_a_good_signature_of_another_kind_of_key_is_none(store: SealedKeys) -> None:
    """An authority's P-384 signature, shown for a use that is for P-256."""
    public = store.generate("device-ca", KeyKind.P384, KeyPurpose.AUTHORITY)
    signature = store.sign("device-ca", Use.SIGN_CERTIFICATE_P384, b"text")
    verify_use(public, Use.SIGN_CERTIFICATE_P384, b"text", signature)
    for other in (public, generate_rsa_key().public, generate_ed25519_key().public):
        with pytest.raises(Fault, match="TS-1312"):
            verify_use(other, Use.SIGN_OCSP_ANSWER, b"text", signature)
