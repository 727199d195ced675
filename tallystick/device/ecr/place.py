"""A register over its folder: files opened, memory recovered, background running. The door for processes."""

from __future__ import annotations

import logging
from pathlib import Path

from tallystick.device.ecr.channel import Channel, HttpChannel
from tallystick.device.ecr.device_files import DeviceFiles
from tallystick.device.ecr.needs import Way
from tallystick.device.ecr.online import OnlineWay
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.setup_file import read_register_file, setup_of
from tallystick.device.ecr.store import Store
from tallystick.device.ecr.write_once import OfflineWay, SealedMemory, recover
from tallystick.device.worm import begin_memory, open_memory
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock

log = logging.getLogger(__name__)
MEMORY_FOLDER = "worm"


def open_register(
    folder: Path, passphrase: str, clock: Clock, *, memory: Path | None = None, channel: Channel | None = None
) -> tuple[Register, Channel]:
    """The register of a folder and its way to the authority.

    ``memory`` is where the write-once memory of the offline class lies, else in the folder. Raises ``TS-3258``,
    ``TS-3262``, ``TS-3263`` and what `worm.open_memory` raises.
    """
    files = DeviceFiles(folder, passphrase)
    file = read_register_file(folder)
    identity = files.identity()
    setup = setup_of(file, identity.certificate_hash, identity.not_after)
    if channel is None:
        channel = HttpChannel(file.authority, files.tls)
    store = Store(folder, setup.uid, setup.device_class)
    try:
        if not setup.works_offline:
            way: Way = OnlineWay(channel)
            return Register(setup, store, files.sign, way, channel, clock), channel
        place = memory or folder / MEMORY_FOLDER
        opened = open_memory(place, setup.uid, clock())
        try:
            recover(opened, store, setup, files.sign, clock())
            way = OfflineWay(opened, files.sign)
            sealed = SealedMemory(opened, files.sign)
            return Register(setup, store, files.sign, way, channel, clock, memory=sealed), channel
        except BaseException:
            opened.release()
            raise
    except BaseException:
        store.close()
        raise


def begin_register(folder: Path, passphrase: str, *, memory: Path | None = None) -> DeviceFiles:
    """Look at the file, and begin the write-once memory of the offline class; the certificate comes with `enrol`."""
    file = read_register_file(folder)
    files = DeviceFiles(folder, passphrase)
    if file.device_class == "hardware":
        try:
            begin_memory(memory or folder / MEMORY_FOLDER, file.uid)
        except Fault as fault:
            if fault.code != "TS-3209":
                raise
            log.info("the write-once memory was begun before")
    return files
