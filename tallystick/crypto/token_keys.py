"""The PKCS#11 key store: keys live in a hardware or soft HSM, are found by label, and never come out (S0-039).

One session for the process: a token knows one login a process, and SoftHSM gains nothing from threads, so more speed
takes more processes. A session or module that dies is opened anew once a call; what still fails is ``TS-5004``, and
the next call tries again. There is no fallback to a key in a file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Set
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pkcs11
from pkcs11 import GCMParams, Mechanism
from pkcs11.exceptions import (
    ArgumentsBad,
    DataInvalid,
    DataLenRange,
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    GeneralError,
    KeyTypeInconsistent,
    MechanismInvalid,
    NoSuchKey,
    PinIncorrect,
    PinLocked,
    PKCS11Error,
)

from tallystick.crypto import token_objects as objects
from tallystick.crypto.hsm import check_label, unknown_key, wrong_signature
from tallystick.crypto.key_purposes import KeyPurpose, require_kind, require_use, verify_use
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.policy import Use, require
from tallystick.crypto.signatures import ecdsa_der
from tallystick.kernel.faults import Fault

Result = TypeVar("Result")

_NOT_THE_SESSION = (ArgumentsBad, DataInvalid, DataLenRange, KeyTypeInconsistent, MechanismInvalid)
"""What a new session would not change."""
_NEVER_AGAIN = (PinIncorrect, PinLocked)
"""A wrong PIN is not tried twice: tries are counted, and a token locks itself."""


_MECHANISMS = {
    KeyKind.RSA: Mechanism.RSA_PKCS,
    KeyKind.P256: Mechanism.ECDSA,
    KeyKind.P384: Mechanism.ECDSA,
    KeyKind.ED25519: Mechanism.EDDSA,
}
_NONCE_BYTES = 12


class _NotWrappedHere(Exception):
    """The tag of a wrapped secret does not fit."""


class PinRefused(Fault):
    """The token refuses the PIN (``TS-5004``): it must not be tried again, for tokens count tries."""

    def __init__(self) -> None:
        super().__init__("TS-5004", detail="the token refuses the PIN", retry_after_seconds=300)


@attrs.frozen(kw_only=True)
class TokenPlace:
    """Where the keys are: the PKCS#11 module, the label of the token, and its user PIN."""

    module: Path
    token: str
    pin: str = attrs.field(repr=False)


class TokenKeys:
    """A `hsm.KeyStore` on one token."""

    def __init__(self, place: TokenPlace, *, only: Set[KeyPurpose] = frozenset(KeyPurpose)) -> None:
        """Open the token; keys of other purposes than ``only`` are refused.

        Raises ``TS-5004`` when module, token or PIN are not right.
        """
        self._place, self._only = place, frozenset(only)
        self._session: Any = None
        self._keys: dict[str, tuple[Any, KeyPurpose]] = {}
        self._public: dict[str, PublicKey] = {}
        self._lock = threading.Lock()
        self._pin_refused = False
        self._call(lambda session: None)

    def generate(self, label: str, kind: KeyKind, purpose: KeyPurpose = KeyPurpose.INVOICE) -> PublicKey:
        """See `hsm.KeyStore`."""
        require_kind(purpose, kind)
        self._refuse_taken(label)
        self._call(lambda session: objects.make_pair(session, label, kind, purpose))
        return self.public_key(label)

    def generate_wrapping(self, label: str) -> None:
        """See `hsm.KeyStore`."""
        self._refuse_taken(label)
        self._call(lambda session: objects.make_wrapping_key(session, label))

    def labels(self) -> tuple[str, ...]:
        """See `hsm.KeyStore`."""
        return self._call(objects.all_labels)

    def purpose(self, label: str) -> KeyPurpose:
        """See `hsm.KeyStore`."""
        return self._call(lambda session: self._key(session, label)[1])

    def public_key(self, label: str) -> PublicKey:
        """See `hsm.KeyStore`."""
        known = self._public.get(label)
        if known is None:
            known = self._public[label] = self._call(lambda session: objects.public_half(session, label))
        return known

    def sign(self, label: str, use: Use, text: bytes, *, moment: datetime | None = None) -> bytes:
        """See `hsm.KeyStore`. Purpose and registry are asked, and hashes made, on this side of the module."""
        scheme = require_use(self.purpose(label), use, moment)
        block, mechanism = scheme.block(text, moment), _MECHANISMS[scheme.kind]
        raw = self._call(lambda session: bytes(self._key(session, label)[0].sign(block, mechanism=mechanism)))
        if use is Use.SIGN_INVOICE:
            return raw
        try:
            signature = ecdsa_der(raw) if mechanism is Mechanism.ECDSA else raw
            verify_use(self.public_key(label), use, text, signature)
        except Fault:
            raise wrong_signature(label) from None
        return signature

    def wrap(self, label: str, secret: bytes, name: bytes) -> bytes:
        """See `hsm.KeyStore`."""
        require(Use.SEAL_STORE_KEY, None)
        nonce = os.urandom(_NONCE_BYTES)
        how = {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, name)}
        return nonce + self._call(lambda session: bytes(self._wrapping(session, label).encrypt(secret, **how)))

    def unwrap(self, label: str, wrapped: bytes, name: bytes) -> bytes:
        """See `hsm.KeyStore`."""
        how = {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(wrapped[:_NONCE_BYTES], name)}
        sealed = wrapped[_NONCE_BYTES:]
        try:
            return self._call(lambda session: _decrypt(self._wrapping(session, label), sealed, how))
        except _NotWrappedHere:
            raise Fault("TS-1310", detail="this was not wrapped by this key under this name") from None

    def change_pin(self, new_pin: str) -> None:
        """Give the token another user PIN; this store stays open under it."""
        self._call(lambda session: session.set_pin(self._place.pin, new_pin))
        self._place = attrs.evolve(self._place, pin=new_pin)

    def close(self) -> None:
        """See `hsm.KeyStore`."""
        with self._lock:
            self._forget()

    def _refuse_taken(self, label: str) -> None:
        check_label(label)
        if self._call(lambda session: objects.is_taken(session, label)):
            raise Fault("TS-3004", detail=f"there is a key {label} already")

    def _key(self, session: Any, label: str) -> tuple[Any, KeyPurpose]:
        found = self._keys.get(label)
        if found is None:
            key = objects.find_key(session, label)
            found = key, objects.purpose_of(key)
            if found[1] not in self._only:
                raise Fault("TS-1310", detail=f"this process does not use keys for {found[1]}")
            self._keys[label] = found
        return found

    def _wrapping(self, session: Any, label: str) -> Any:
        key, purpose = self._key(session, label)
        if purpose is not KeyPurpose.WRAPPING:
            raise Fault("TS-1310", detail=f"a key for {purpose} wraps nothing")
        return key

    def _call(self, work: Callable[[Any], Result]) -> Result:
        """Carry out one thing on the session, once more on a new one where the first has died."""
        with self._lock:
            try:
                return self._once(work)
            except NoSuchKey as error:
                raise unknown_key(str(error) or "of this label") from None
            except _NOT_THE_SESSION as error:
                raise Fault("TS-1310", detail=f"the token refuses: {type(error).__name__}") from error
            except (PKCS11Error, OSError, RuntimeError) as error:
                first = error
            try:
                self._forget()
                return self._once(work)
            except NoSuchKey:
                raise unknown_key("of this label") from None
            except (PKCS11Error, OSError, RuntimeError) as error:
                self._forget()
                raise Fault(
                    "TS-5004", detail=f"the token does not answer: {type(first).__name__}", retry_after_seconds=5
                ) from error

    def _once(self, work: Callable[[Any], Result]) -> Result:
        if self._session is None:
            self._session = self._open()
        return work(self._session)

    def _open(self) -> Any:
        if self._pin_refused:
            raise PinRefused
        library = pkcs11.lib(str(self._place.module))
        try:
            return library.get_token(token_label=self._place.token).open(rw=True, user_pin=self._place.pin)
        except _NEVER_AGAIN:
            self._pin_refused = True
            raise PinRefused from None

    def _forget(self) -> None:
        """Drop session and keys; the module is started afresh, for a token that was away has other slots."""
        session, self._session = self._session, None
        self._keys.clear()
        with suppress(PKCS11Error, RuntimeError):
            if session is not None:
                session.close()
        with suppress(PKCS11Error, RuntimeError, OSError):
            pkcs11.lib(str(self._place.module)).reinitialize()


def _decrypt(key: Any, sealed: bytes, how: dict[str, Any]) -> bytes:
    """Plain bytes, or ``_NotWrappedHere``: a wrong tag is not the session's fault."""
    try:
        return bytes(key.decrypt(sealed, **how))
    except (EncryptedDataInvalid, EncryptedDataLenRange) as error:
        raise _NotWrappedHere from error
    except GeneralError as error:  # what SoftHSM says to a wrong tag
        raise _NotWrappedHere from error


def change_pin(place: TokenPlace, new_pin: str) -> None:
    """Give a token another user PIN; raises ``PinRefused`` for the old one, ``TS-5004`` when the token is away."""
    keys = TokenKeys(place)
    try:
        keys.change_pin(new_pin)
    finally:
        keys.close()
