"""The root at the machine where its key is, without a ceremony: a file of the folder, or a key of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from tallystick.authority.reference.pki.revoking import reason_of
from tallystick.crypto.branches import ROOT
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import KeyKind, PublicKey, generate_p384_key, load_private_key, store_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.revocation_lists import PreparedList
from tallystick.crypto.root_work import RootWork, next_plan
from tallystick.crypto.signers import StoreSigner
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.key_store import open_key_store
from tallystick.ops.pki_folder import pki_of
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings, SettingsError, load_settings
from tallystick.ops.state_folder import StateFolder


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
        with self._root(pki) as (work, _):
            made, der = work.sign_list(revoke, why, at)
        write_atomically(out, der, mode=0o644)
        return made

    def follow(self, branch: str) -> str:
        """Make the next authority of a branch, its key first; it issues as soon as its certificate is in the folder.

        Its key lies where the root's does. Gives its name; raises ``TS-3022`` (no such branch), ``TS-5004``.
        """
        at, pki = system_clock(), pki_of(self.settings, self.state)
        plan = next_plan(pki.branches, branch)
        with self._root(pki) as (work, store):
            key = _key_in_store(store, plan.name) if store is not None else _key_as_file(pki, plan.name)
            work.keep(plan.name, work.certify(plan, key, at))
        return plan.name

    @contextmanager
    def _root(self, pki: DemoPki) -> Iterator[tuple[RootWork, KeyStore | None]]:
        if pki.files.private_key(ROOT).exists():
            yield RootWork(pki.branches, pki.authority(ROOT)), None
            return
        store = open_key_store(self.settings, self.state)
        try:
            opened = attrs.evolve(pki, elsewhere=lambda name: StoreSigner.of(store, name))
            yield RootWork(pki.branches, opened.authority(ROOT)), store
        finally:
            store.close()


def _key_in_store(store: KeyStore, label: str) -> PublicKey:
    """A new key, or the one that an interrupted try has left."""
    if label in store.labels():
        return store.public_key(label)
    return store.generate(label, KeyKind.P384, KeyPurpose.AUTHORITY)


def _key_as_file(pki: DemoPki, name: str) -> PublicKey:
    file = pki.files.private_key(name)
    if file.exists():
        return load_private_key(file).public
    key = generate_p384_key()
    store_private_key(file, key)
    return key.public
