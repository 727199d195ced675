"""The PKCS#11 key store: keys live in a hardware or soft HSM, are found by label, and never come out (S0-039).

One session for the process: a token knows one login a process, and SoftHSM gains nothing from threads, so more speed
takes more processes. A session or module that dies is opened anew once a call; what still fails is ``TS-5004``, and
the next call tries again. There is no fallback to a key in a file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    ArgumentsBad,
    DataInvalid,
    DataLenRange,
    KeyTypeInconsistent,
    MechanismInvalid,
    NoSuchKey,
    PinIncorrect,
    PinLocked,
    PKCS11Error,
)

from tallystick.crypto.hsm import check_label, unknown_key
from tallystick.crypto.keys import RSA_BITS, RSA_EXPONENT, KeyKind, PublicKey, public_from_modulus
from tallystick.crypto.policy import Use
from tallystick.crypto.signatures import invoice_digest_info
from tallystick.kernel.faults import Fault

Result = TypeVar("Result")

_NOT_THE_SESSION = (ArgumentsBad, DataInvalid, DataLenRange, KeyTypeInconsistent, MechanismInvalid)
"""What a new session would not change."""
_NEVER_AGAIN = (PinIncorrect, PinLocked)
"""A wrong PIN is not tried twice: tries are counted, and a token locks itself."""


@attrs.frozen(kw_only=True)
class TokenPlace:
    """Where the keys are: the PKCS#11 module, the label of the token, and its user PIN."""

    module: Path
    token: str
    pin: str = attrs.field(repr=False)


class TokenKeys:
    """A `hsm.KeyStore` on one token."""

    def __init__(self, place: TokenPlace) -> None:
        """Open the token; raises ``TS-5004`` when module, token or PIN are not right."""
        self._place = place
        self._session: Any = None
        self._keys: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._pin_refused = False
        self._call(lambda session: None)

    def generate(self, label: str, kind: KeyKind) -> PublicKey:
        """See `hsm.KeyStore`; RSA-2048 only: what the invoices of this wire need."""
        check_label(label)
        if kind is not KeyKind.RSA:
            raise Fault("TS-1310", detail="this store makes RSA keys only")
        if label in self.labels():
            raise Fault("TS-3004", detail=f"there is a key {label} already")
        self._call(lambda session: _generate(session, label))
        return self.public_key(label)

    def labels(self) -> tuple[str, ...]:
        """See `hsm.KeyStore`."""
        wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        return tuple(sorted(self._call(lambda session: [key.label for key in session.get_objects(wanted)])))

    def public_key(self, label: str) -> PublicKey:
        """See `hsm.KeyStore`."""
        return self._call(lambda session: _public_key(session, label))

    def sign(self, label: str, use: Use, text: bytes, *, moment: datetime | None = None) -> bytes:
        """See `hsm.KeyStore`. The registry is asked, and the old hash made, on this side of the module."""
        if use is not Use.SIGN_INVOICE:
            raise Fault("TS-1310", detail=f"this store does not sign for {use.name}")
        block = invoice_digest_info(text, moment=moment)
        return self._call(lambda session: bytes(self._key(session, label).sign(block, mechanism=Mechanism.RSA_PKCS)))

    def close(self) -> None:
        """See `hsm.KeyStore`."""
        with self._lock:
            self._forget()

    def _key(self, session: Any, label: str) -> Any:
        key = self._keys.get(label)
        if key is None:
            key = self._keys[label] = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
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
            raise RuntimeError("the PIN was refused; it is not tried again in this process")
        library = pkcs11.lib(str(self._place.module))
        try:
            return library.get_token(token_label=self._place.token).open(rw=True, user_pin=self._place.pin)
        except _NEVER_AGAIN:
            self._pin_refused = True
            raise

    def _forget(self) -> None:
        """Drop session and keys; the module is started afresh, for a token that was away has other slots."""
        session, self._session = self._session, None
        self._keys.clear()
        with suppress(PKCS11Error, RuntimeError):
            if session is not None:
                session.close()
        with suppress(PKCS11Error, RuntimeError, OSError):
            pkcs11.lib(str(self._place.module)).reinitialize()


def _generate(session: Any, label: str) -> None:
    """Sensitive, not extractable, for signatures only."""
    session.generate_keypair(
        KeyType.RSA,
        RSA_BITS,
        label=label,
        store=True,
        public_template={Attribute.PUBLIC_EXPONENT: RSA_EXPONENT.to_bytes(3, "big"), Attribute.ENCRYPT: False},
        private_template={
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.SIGN: True,
            Attribute.DECRYPT: False,
            Attribute.UNWRAP: False,
        },
    )


def _public_key(session: Any, label: str) -> PublicKey:
    key = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=label)
    modulus, exponent = key[Attribute.MODULUS], key[Attribute.PUBLIC_EXPONENT]
    return public_from_modulus(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
