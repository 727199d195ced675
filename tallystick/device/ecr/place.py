"""A register over its folder: files opened, memory recovered, background running. The door for processes."""

from __future__ import annotations

import logging
from pathlib import Path

import attrs

from tallystick.device.ecr.channel import HttpChannel
from tallystick.device.ecr.device_files import DeviceFiles
from tallystick.device.ecr.needs import Way
from tallystick.device.ecr.online import OnlineWay
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.remote.applying import StandingOrders
from tallystick.device.ecr.remote.believing import Believer
from tallystick.device.ecr.remote.control import RemoteControl
from tallystick.device.ecr.remote.store import CommandStore
from tallystick.device.ecr.renewing import Renewal
from tallystick.device.ecr.setup_file import read_register_file, setup_of
from tallystick.device.ecr.store import Store
from tallystick.device.ecr.write_once import OfflineWay, SealedMemory, note_power_up, recover
from tallystick.device.worm import begin_memory, open_memory
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock

log = logging.getLogger(__name__)
MEMORY_FOLDER = "worm"


@attrs.frozen(slots=True)
class Opened:
    """A register, its way to the authority, what renews its certificate, and what makes it obey."""

    register: Register
    channel: HttpChannel
    renewal: Renewal
    control: RemoteControl

    def close(self) -> None:
        """Let go of everything."""
        self.register.close()
        self.channel.close()


def open_register(folder: Path, passphrase: str, clock: Clock, *, memory: Path | None = None) -> Opened:
    """The register of a folder.

    ``memory`` is where the write-once memory of the offline class lies, else in the folder. Raises ``TS-3258``,
    ``TS-3262``, ``TS-3263`` and what `worm.open_memory` raises.
    """
    files = DeviceFiles(folder, passphrase)
    file = read_register_file(folder)
    identity = files.identity()
    setup = setup_of(file, identity.certificate_hash, identity.not_after)
    channel = HttpChannel(file.authority, files.tls)
    renewal = Renewal(files, file, channel.close)
    believer = Believer(files.roots(), files.arc(), setup.uid, setup.audience)
    store = Store(folder, setup.uid, setup.device_class)
    try:
        commands = CommandStore(folder)
    except BaseException:
        store.close()
        raise
    orders = StandingOrders(commands)

    def with_control(register: Register) -> Opened:
        commands.begin(has_documents=store.standing().sequence > 0)
        control = RemoteControl(
            register, commands, channel, believer, files.sign, lambda: files.identity().certificate_hash
        )  # fmt: skip
        return Opened(register, channel, renewal, control)

    try:
        if not setup.works_offline:
            way: Way = OnlineWay(channel)
            return with_control(Register(setup, store, files.sign, way, channel, clock, orders=orders))
        place = memory or folder / MEMORY_FOLDER
        opened = open_memory(place, setup.uid, clock())
        try:
            recover(opened, store, setup, files.sign, clock())
            note_power_up(opened, store.standing().last_ms, clock())
            way = OfflineWay(opened, files.sign)
            sealed = SealedMemory(opened, files.sign)
            return with_control(
                Register(setup, store, files.sign, way, channel, clock, memory=sealed, orders=orders)
            )  # fmt: skip
        except BaseException:
            opened.release()
            raise
    except BaseException:
        commands.close()
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
