"""The two key stores behind one port: encrypted files, and PKCS#11 on SoftHSM (S0-039)."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import attrs
import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass
from softhsm import PIN, make_token, module_path, process_configuration

from tallystick.crypto import key_purposes
from tallystick.crypto.envelope import sign_with_recovery
from tallystick.crypto.hsm import KeyStore, read_secret
from tallystick.crypto.key_purposes import KeyPurpose, verify_use
from tallystick.crypto.keys import KeyKind, generate_rsa_key
from tallystick.crypto.policy import Use, install_registry
from tallystick.crypto.sealed_keys import SealedKeys, WrongPassphrase
from tallystick.crypto.signatures import verify_ed25519, verify_invoice_signature
from tallystick.crypto.token_keys import TokenKeys, TokenPlace
from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status
from tallystick.kernel.faults import Fault

TEXT = bytes(range(256)) + bytes(65)
Opener = Callable[[], KeyStore]


def _sealed(folder: Path) -> Opener:
    return lambda: SealedKeys(folder / "keys", b"correct horse")


def _token() -> Opener:
    module = module_path()
    label = make_token(process_configuration(), "test")
    return lambda: TokenKeys(TokenPlace(module=module, token=label, pin=PIN))


@pytest.fixture(params=["sealed", "token"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same store again and again."""
    return _sealed(tmp_path) if request.param == "sealed" else _token()


def test_s0_039_a_key_signs_by_its_label_and_survives_a_restart(opener: Opener) -> None:
    store = opener()
    public = store.generate("signer-1", KeyKind.RSA)
    signature = store.sign("signer-1", Use.SIGN_INVOICE, TEXT)
    verify_invoice_signature(public, TEXT, signature)
    store.close()
    again = opener()
    assert again.labels() == ("signer-1",)
    assert again.public_key("signer-1") == public
    assert again.sign("signer-1", Use.SIGN_INVOICE, TEXT) == signature, "the wire's padding has no chance in it"
    again.close()


def test_a_label_is_taken_once(opener: Opener) -> None:
    store = opener()
    public = store.generate("signer-1", KeyKind.RSA)
    with pytest.raises(Fault, match="TS-3004"):
        store.generate("signer-1", KeyKind.RSA)
    assert store.public_key("signer-1") == public
    with pytest.raises(ValueError, match="label"):
        store.generate("../signer", KeyKind.RSA)
    store.close()


def test_an_unknown_label_is_a_coded_fault(opener: Opener) -> None:
    store = opener()
    with pytest.raises(Fault, match="TS-5004"):
        store.sign("nobody", Use.SIGN_INVOICE, TEXT)
    with pytest.raises(Fault, match="TS-5004"):
        store.public_key("nobody")
    store.close()


def test_k_01_both_stores_ask_the_registry_first(opener: Opener) -> None:
    store = opener()
    store.generate("signer-1", KeyKind.RSA)
    rule = AlgorithmRule(Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, Status.VERIFY_LEGACY_ONLY)
    install_registry(REGISTRY.changed_by([rule]))
    try:
        with pytest.raises(Fault, match="TS-1310"):
            store.sign("signer-1", Use.SIGN_INVOICE, TEXT)
    finally:
        install_registry(REGISTRY)
    with pytest.raises(Fault, match="TS-1310"):
        store.sign("signer-1", Use.VERIFY_INVOICE, TEXT)
    store.close()


USES = {
    Use.SIGN_CERTIFICATE_P256: (KeyPurpose.AUTHORITY, KeyKind.P256),
    Use.SIGN_CERTIFICATE_P384: (KeyPurpose.AUTHORITY, KeyKind.P384),
    Use.SIGN_REVOCATION_LIST: (KeyPurpose.AUTHORITY, KeyKind.P384),
    Use.SIGN_OCSP_ANSWER: (KeyPurpose.OCSP, KeyKind.P256),
    Use.SIGN_TIMESTAMP: (KeyPurpose.TIMESTAMP, KeyKind.P256),
    Use.SIGN_TRUST_LIST: (KeyPurpose.TRUST_LIST, KeyKind.P256),
    Use.SIGN_DEVICE_COMMAND: (KeyPurpose.DEVICE_COMMAND, KeyKind.P256),
    Use.SIGN_CHECKPOINT: (KeyPurpose.CHECKPOINT, KeyKind.ED25519),
    Use.SIGN_PROOF: (KeyPurpose.PROOF_OF_AUDIT, KeyKind.RSA),
    Use.SIGN_INVOICE: (KeyPurpose.INVOICE, KeyKind.RSA),
}
MESSAGE = bytes(102)


def test_s0_039_each_key_serves_one_purpose_and_no_other_use(opener: Opener) -> None:
    store = opener()
    made = {bond: f"key-{number}" for number, bond in enumerate(dict.fromkeys(USES.values()))}
    for (purpose, kind), label in made.items():
        store.generate(label, kind, purpose)
        assert store.purpose(label) is purpose
    for use, bond in USES.items():
        verify_use(store.public_key(made[bond]), use, MESSAGE, store.sign(made[bond], use, MESSAGE))
        for (purpose, _), other in made.items():
            if purpose is not bond[0]:
                with pytest.raises(Fault, match="TS-1310"):
                    store.sign(other, use, MESSAGE)
    with pytest.raises(Fault, match="TS-1310"):
        store.generate("log", KeyKind.RSA, KeyPurpose.CHECKPOINT)
    store.close()
    again = opener()
    assert {again.purpose(label) for label in made.values()} == {purpose for purpose, _ in USES.values()}
    again.close()


def test_a_secret_is_wrapped_under_its_name(opener: Opener) -> None:
    store = opener()
    store.generate_wrapping("wrapping")
    store.generate("signer-1", KeyKind.RSA)
    wrapped = store.wrap("wrapping", b"secret" * 200, b"package-1")
    assert b"secret" not in wrapped
    store.close()
    store = opener()
    assert store.unwrap("wrapping", wrapped, b"package-1") == b"secret" * 200
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for bad, name in ((wrapped, b"package-2"), (changed, b"package-1"), (b"", b"package-1")):
        with pytest.raises(Fault, match="TS-1310"):
            store.unwrap("wrapping", bad, name)
    with pytest.raises(Fault, match="TS-1310"):
        store.wrap("signer-1", b"secret", b"x")
    with pytest.raises(Fault):
        store.sign("wrapping", Use.SIGN_INVOICE, TEXT)
    with pytest.raises(Fault, match="TS-3004"):
        store.generate_wrapping("wrapping")
    store.close()


def test_s0_039_a_wrong_signature_of_the_module_never_leaves(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opener()
    store.generate("poa", KeyKind.RSA, KeyPurpose.PROOF_OF_AUDIT)
    other = generate_rsa_key()
    broken = attrs.evolve(
        key_purposes._SCHEMES[Use.SIGN_PROOF],
        sign=lambda key, text, moment: sign_with_recovery(text, other),
        block=lambda text, moment: text[:-1],
    )
    monkeypatch.setitem(key_purposes._SCHEMES, Use.SIGN_PROOF, broken)
    with pytest.raises(Fault, match="computed a wrong signature"):
        store.sign("poa", Use.SIGN_PROOF, MESSAGE)
    store.close()


def test_a_process_uses_the_keys_of_its_purposes_alone(tmp_path: Path) -> None:
    whole = SealedKeys(tmp_path / "keys", b"correct horse")
    whole.generate("log", KeyKind.ED25519, KeyPurpose.CHECKPOINT)
    whole.generate("signer-1", KeyKind.RSA)
    narrow = SealedKeys(tmp_path / "keys", b"correct horse", only={KeyPurpose.INVOICE})
    assert set(narrow._opened) == {"signer-1"}
    with pytest.raises(Fault, match="TS-1310"):
        narrow.sign("log", Use.SIGN_CHECKPOINT, MESSAGE)
    module = module_path()
    place = TokenPlace(module=module, token=make_token(process_configuration(), "narrow"), pin=PIN)
    TokenKeys(place).generate("log", KeyKind.ED25519, KeyPurpose.CHECKPOINT)
    with pytest.raises(Fault, match="TS-1310"):
        TokenKeys(place, only={KeyPurpose.INVOICE}).sign("log", Use.SIGN_CHECKPOINT, MESSAGE)


def test_a_key_from_before_purposes_signs_invoices_and_a_renamed_purpose_opens_nothing(tmp_path: Path) -> None:
    store = SealedKeys(tmp_path / "keys", b"correct horse")
    store.generate("signer-1", KeyKind.RSA)
    pair, nonce = store._opened["signer-1"].pair, bytes(12)
    assert pair is not None
    old = b"TSK1" + nonce + store._cipher.encrypt(nonce, pair.pkcs8, b"signer-1")
    file = tmp_path / "keys" / "signer-1.key"
    sealed = file.read_bytes()
    file.write_bytes(old)
    again = SealedKeys(tmp_path / "keys", b"correct horse")
    assert again.purpose("signer-1") is KeyPurpose.INVOICE
    assert again.public_key("signer-1") == pair.public
    file.write_bytes(sealed.replace(b"\x07invoice", b"\x09timestamp"))
    with pytest.raises(WrongPassphrase):
        SealedKeys(tmp_path / "keys", b"correct horse")
    file.write_bytes(sealed.replace(b"invoice", b"nothing"))
    with pytest.raises(WrongPassphrase):
        SealedKeys(tmp_path / "keys", b"correct horse")


def test_s0_039_the_files_are_sealed_and_closed_to_others(tmp_path: Path) -> None:
    store = SealedKeys(tmp_path / "keys", b"correct horse")
    store.generate("signer-1", KeyKind.RSA)
    log_key = store.generate("log", KeyKind.ED25519, KeyPurpose.CHECKPOINT)
    verify_ed25519(log_key, TEXT, store.sign("log", Use.SIGN_CHECKPOINT, TEXT))
    pair = store._opened["signer-1"].pair
    assert pair is not None
    plain = pair.pkcs8
    for file in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
        assert b"PRIVATE" not in content
        assert plain[40:200] not in content
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_another_passphrase_or_a_changed_file_opens_nothing(tmp_path: Path) -> None:
    store = SealedKeys(tmp_path / "keys", b"correct horse")
    store.generate("signer-1", KeyKind.RSA)
    with pytest.raises(WrongPassphrase):
        SealedKeys(tmp_path / "keys", b"battery staple")
    file = tmp_path / "keys" / "signer-1.key"
    sealed = bytearray(file.read_bytes())
    sealed[-1] ^= 1
    file.write_bytes(sealed)
    with pytest.raises(WrongPassphrase):
        SealedKeys(tmp_path / "keys", b"correct horse")


def test_a_sealed_key_does_not_answer_to_another_label(tmp_path: Path) -> None:
    store = SealedKeys(tmp_path / "keys", b"correct horse")
    store.generate("signer-1", KeyKind.RSA)
    (tmp_path / "keys" / "signer-1.key").rename(tmp_path / "keys" / "signer-2.key")
    with pytest.raises(WrongPassphrase):
        SealedKeys(tmp_path / "keys", b"correct horse")


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.write_text("1234\nnot this\n")
    file.chmod(0o644)
    with pytest.raises(PermissionError):
        read_secret(file)
    file.chmod(0o600)
    assert read_secret(file) == b"1234"
    file.write_text("\n")
    with pytest.raises(ValueError, match="empty"):
        read_secret(file)


def test_s0_039_a_key_of_a_token_cannot_be_taken_out() -> None:
    opener = _token()
    store = opener()
    store.generate("signer-1", KeyKind.RSA)
    assert isinstance(store, TokenKeys)
    key = store._session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="signer-1")
    assert key[Attribute.SENSITIVE]
    assert not key[Attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        _ = key[Attribute.PRIVATE_EXPONENT]
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        key[Attribute.ID] = KeyPurpose.CHECKPOINT.encode()
    assert store.purpose("signer-1") is KeyPurpose.INVOICE
    store.generate_wrapping("wrapping")
    secret = store._session.get_key(object_class=ObjectClass.SECRET_KEY, label="wrapping")
    assert secret[Attribute.SENSITIVE]
    assert not secret[Attribute.EXTRACTABLE]
    store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of the library, about its old session
def test_s0_039_a_session_or_module_that_dies_is_opened_anew() -> None:
    store = _token()()
    assert isinstance(store, TokenKeys)
    public = store.generate("signer-1", KeyKind.RSA)
    store._session.close()
    verify_invoice_signature(public, TEXT, store.sign("signer-1", Use.SIGN_INVOICE, TEXT))
    pkcs11.lib(str(module_path())).finalize()
    verify_invoice_signature(public, TEXT, store.sign("signer-1", Use.SIGN_INVOICE, TEXT))
    store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_token_that_is_away_is_a_coded_fault_and_comes_back() -> None:
    store = _token()()
    assert isinstance(store, TokenKeys)
    public = store.generate("signer-1", KeyKind.RSA)
    tokens = process_configuration().parent / "tokens"
    away = tokens.with_name("away")
    store.close()
    tokens.rename(away)
    try:
        with pytest.raises(Fault, match="TS-5004"):
            store.sign("signer-1", Use.SIGN_INVOICE, TEXT)
    finally:
        if tokens.exists():
            tokens.rmdir()
        away.rename(tokens)
    verify_invoice_signature(public, TEXT, store.sign("signer-1", Use.SIGN_INVOICE, TEXT))
    store.close()


def test_a_wrong_pin_is_tried_once() -> None:
    module = module_path()
    place = TokenPlace(module=module, token=make_token(process_configuration(), "wrong-pin"), pin="000000")
    with pytest.raises(Fault, match="TS-5004"):
        TokenKeys(place)
    assert "000000" not in repr(place)
