"""Opens sealed packages; holds the decryption keys, no network."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.authority.intake.unwrap import run_unwrap
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.wrapped_keys import OpenedKeys, folder_state, open_all
from tallystick.ops.authority_keys import WRAPPING, package_folder
from tallystick.ops.key_store import store_opener
from tallystick.ops.processes.context import Context, unwrap_name


def run(number: int = 1) -> None:
    """Serve until stopped, as the ``number``-th of ``unwrap_processes``."""
    name = unwrap_name(number)
    context = Context.load(name)
    with context.health({}):
        run_unwrap(context.socket(name), _loader(context))


def _loader(context: Context) -> Callable[[], OpenedKeys | None]:
    """Gives all package keys, newest first, when there are others than at the last call; else nothing.

    The store is closed again at once: this process keeps the keys that it opened, and no way to others.
    """
    folder = package_folder(context.state.keys)
    open_store = store_opener(context.settings, context.state, only={KeyPurpose.WRAPPING})
    seen: tuple[tuple[str, int, int], ...] = ()

    def load() -> OpenedKeys | None:
        nonlocal seen
        present = folder_state(folder)
        if present == seen:
            return None
        store = open_store()
        try:
            opened = open_all(store, WRAPPING, folder)
        finally:
            store.close()
        seen = present
        return opened

    return load
