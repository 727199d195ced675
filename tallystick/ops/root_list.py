"""The root's next revocation list, made where the root's key is: a file of the folder, or a key of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from tallystick.authority.reference.pki.revoking import reason_of
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.issuing import Authority
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.revocation_lists import (
    ROOT_LIST_LIFETIME,
    PreparedList,
    RevokedSerial,
    prepare_list,
    read_list,
    sign_list,
)
from tallystick.crypto.signers import StoreSigner
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.key_store import open_key_store
from tallystick.ops.pki_folder import pki_of
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings, SettingsError, load_settings
from tallystick.ops.state_folder import StateFolder

_ROOT = "root"


@attrs.frozen
class RootDesk:
    """Needs no database: it may stand on the machine of the ceremony."""

    settings: Settings
    state: StateFolder

    @classmethod
    def of_settings(cls) -> RootDesk:
        """The desk of the settings' country."""
        settings = load_settings()
        return cls(settings, StateFolder.of(settings.state))

    def sign(self, revoke: Sequence[str], reason: str, out: Path) -> PreparedList:
        """Sign the next list with these authorities on it; what stood on the one before stays.

        Raises ``TS-3022`` (no such authority), ``TS-3023`` (no such reason), ``TS-5004`` (the root's key is not here),
        and ``SettingsError`` (no PKI here, or nowhere to write).
        """
        at, why = system_clock(), reason_of(reason)
        if not out.absolute().parent.is_dir():
            raise SettingsError(f"{out} lies in no folder that is there")
        pki = pki_of(self.settings, self.state)
        before = read_list(pki.files.root_list.read_bytes(), pki.authority_certificate(_ROOT), at)
        lines = dict(before.revoked)
        for name in revoke:
            serial = _serial(pki, name)
            lines.setdefault(serial, RevokedSerial(serial, at.replace(microsecond=0), why))
        with self._root(pki) as root:
            made = prepare_list(root, before.number + 1, lines.values(), at, ROOT_LIST_LIFETIME)
            der = sign_list(root, made)
        for path in (out, pki.files.root_list):
            write_atomically(path, der, mode=0o644)
        return made

    @contextmanager
    def _root(self, pki: DemoPki) -> Iterator[Authority]:
        if pki.files.private_key(_ROOT).exists():
            yield pki.authority(_ROOT)
            return
        store = open_key_store(self.settings, self.state)
        try:
            yield attrs.evolve(pki, elsewhere=lambda name: StoreSigner.of(store, name)).authority(_ROOT)
        finally:
            store.close()


def _serial(pki: DemoPki, name: str) -> int:
    if name not in {plan.name for plan in pki.hierarchy}:
        raise Fault("TS-3022", detail=f"no issuing authority {name}")
    return read_facts(pki.authority_certificate(name)).serial
