"""A real register over its folder, at the doors of a running country; as a program of its own it sells until killed."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from till_live import register_file

from benchmarks.national_till import NationalTill
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.passphrase_keys import store_under_passphrase
from tallystick.device.ecr.order_json import read_order
from tallystick.device.ecr.place import Opened, open_register
from tallystick.device.ecr.synchronise import Pace, Synchroniser
from tallystick.device.worm import begin_memory
from tallystick.ops.packs import load_pack
from tallystick.wire.pos_values import encode_json
from tallystick.wire.tax_rates import tax_rate_groups_json

PIN = "1234"
LABEL = "A"


class RealRegister:
    """Over a folder; its clock runs behind by ``behind`` until it is set right."""

    def __init__(
        self, folder: Path, behind: timedelta = timedelta(0), part_bytes: int = 0, pace: Pace | None = None
    ) -> None:
        self.folder = folder
        self.behind = behind
        self._part_bytes = part_bytes
        self._pace = pace
        self.opened: Opened
        self.background: Synchroniser
        self.switch_on()

    def clock(self) -> datetime:
        return datetime.now(UTC) - self.behind

    def switch_on(self) -> None:
        self.opened = open_register(self.folder, PIN, self.clock)
        self.register = self.opened.register
        if self._part_bytes:
            self.register.batches.part_bytes = self._part_bytes
        self.background = Synchroniser(self.register, self.opened.channel, self.clock, self._pace)

    def restart(self) -> None:
        self.opened.close()
        self.switch_on()

    def do(self, name: str, **order: Any) -> Any:
        """An order by its request id; the answer."""
        body = json.dumps(order).encode()
        return json.loads(self.register.issue(name, body, read_order(body)))

    def sell(self, name: str, price: str = "12.50", **more: Any) -> Any:
        line = {"name": "Bread", "price": price, "labels": [LABEL]}
        return self.do(name, order="sell", lines=[line], payments=[{"kind": "cash", "amount": price}], **more)


def make_folder(
    folder: Path, papers: NationalTill, port: int, audience: str, root: Path, device_class: str, **more: Any
) -> Path:
    """The folder of an enrolled register."""
    folder.mkdir()
    pack = load_pack("AQ")
    store_under_passphrase(folder / "device.key", PrivateKey(papers.device.key), PIN)
    (folder / "device.crt").write_bytes(pem_of(papers.certificate))
    (folder / "authority.crt").write_bytes(root.read_bytes())
    register_file(
        folder,
        uid=papers.uid,
        build=papers.build,
        audience=audience,
        authority=f"https://127.0.0.1:{port}",
        currency=pack.currency,
        time_zone="UTC",
        rates=json.loads(encode_json(tax_rate_groups_json(pack.tax_groups))),
        seller={"tin": papers.tin, "business_name": "Shop"},
        **{"class": device_class},
        **more,
    )
    if device_class == "hardware":
        begin_memory(folder / "worm", papers.uid)
    return folder


def _sell_until_killed(folder: Path, hours: float) -> None:
    register = RealRegister(folder, timedelta(hours=hours))
    number = 0
    while True:
        number += 1
        print(json.dumps(register.sell(f"child-{number}")), flush=True)


if __name__ == "__main__":
    _sell_until_killed(Path(sys.argv[1]), float(sys.argv[2]))
