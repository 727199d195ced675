"""What the sandbox tells about its test registers: a folder each, complete for a client in any language.

`device.json` holds what the door itself says of the device, so it is written anew at each start, when the door serves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from tallystick.crypto.certificates import certificates_of
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.http_call import Away, KeptConnection
from tallystick.simulation.sandbox_cards import SandboxError
from tallystick.simulation.sandbox_registers import COMPANY
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.ecr_api import DEVICE_PATH, DOCUMENTS_PATH
from tallystick.wire.erp_api import BULK_PATH, FEED_PATH
from tallystick.wire.erp_api import DOCUMENTS_PATH as ERP_DOCUMENTS_PATH
from tallystick.wire.erp_api import OPENAPI_PATH as ERP_OPENAPI_PATH
from tallystick.wire.offline_batch import BATCHES_PATH, HEAD_PATH
from tallystick.wire.openapi_ecr import ecr_api
from tallystick.wire.openapi_erp import erp_api
from tallystick.wire.postman import collection

_PATIENCE_SECONDS = 60.0
_ABOUT = {
    DeviceClass.SOFTWARE: "a register of software: on line only, POST /ecr/v1/documents",
    DeviceClass.HARDWARE: "a register with write-once memory: batches at /ecr/v1/batches, or on line",
    DeviceClass.ERP: "a connection of an ERP system: /erp/v1, no premises",
}
README = """# Test registers of this sandbox

One folder a device. Each is a device of Test Company Ltd (TIN 100000033), which has an agreement, and its build is
certified: it may fiscalise at once. These keys are worth nothing outside of this sandbox.

| File | What |
|---|---|
| device.key | its private key, PEM (PKCS #8, P-256): signs documents, and opens the TLS connection |
| device.pem | its certificate |
| root.pem | the root that the server's certificate is checked with |
| device.json | number, class, build, origin of the ledger, addresses, tax rates, and where the device stands |

`device.json` is written at each start of the sandbox, and `stands` in it is what GET /ecr/v1/device said then. Your
client asks that again: it tells the number and the link that the next document has to sign.

How a document is made, byte by byte: docs/guides/national-document.md. A day with openssl and curl:
docs/guides/national-till.md. Batches: docs/guides/offline-batches.md. ERP systems: docs/guides/erp.md.

`registers.postman.json` and `erp.postman.json` are every call for Postman and its kin; give it key and certificate of a
device under Settings > Certificates, and root.pem as the authority.

A device of your own, with a key that you make yourself: `tallystick sandbox register --class software`, and
docs/guides/device-enrolment.md. Used up, or stopped by two documents in one place? Take a new one.
"""


@attrs.frozen(kw_only=True)
class Addresses:
    """Where the sandbox's doors are; that of registers without a slash at its end, the others with one."""

    ecr: str
    est: str
    public: str
    pki: str


@attrs.frozen(kw_only=True)
class Papers:
    """Writes the folders."""

    root: Path
    root_certificate: Path
    pack: CountryPack
    addresses: Addresses

    def write(self, builds: Mapping[str, str], pause: Callable[[], None]) -> list[str]:
        """All of them once the door knows the devices; gives the UIDs. Raises `SandboxError` after a minute."""
        write_atomically(self.root / "README.md", README.encode())
        for name, api in (("registers", ecr_api), ("erp", erp_api)):
            write_atomically(self.root / f"{name}.postman.json", _json(collection(api(self.addresses.ecr))))
        for uid, build in builds.items():
            folder = self.root / uid
            write_atomically(folder / "root.pem", self.root_certificate.read_bytes())
            told = self._facts(folder, build, self._stands(folder, uid, pause))
            write_atomically(folder / "device.json", _json(told))
        return list(builds)

    def _stands(self, folder: Path, uid: str, pause: Callable[[], None]) -> Any:
        """What the door says; until the ledger has the registration, it cannot say where the sequence begins."""
        tls = tls_client_context(folder / "root.pem", folder / "device.pem", folder / "device.key")
        door, until = KeptConnection(self.addresses.ecr, tls), time.monotonic() + _PATIENCE_SECONDS
        try:
            while time.monotonic() < until:
                try:
                    reply = door.call(DEVICE_PATH)
                except Away:
                    reply = None
                if reply is not None and reply.status == 200:
                    stands = msgspec.json.decode(reply.body)
                    if "next" in stands:
                        return stands
                pause()
        finally:
            door.close()
        raise SandboxError(f"{uid} was not served in time; see the logs of ecr and worker")

    def _facts(self, folder: Path, build: str, stands: Any) -> dict[str, Any]:
        kind, to = DeviceClass(int(stands["device_class"])), self.addresses
        der = certificates_of((folder / "device.pem").read_bytes())[0]
        return {
            "about": _ABOUT[kind],
            "uid": stands["uid"],
            "class": kind.word,
            "taxpayer": {"tin": COMPANY.tin, "name": COMPANY.business_name},
            "build": build,
            "kid": write_base64url(sha256(der)).decode("ascii"),
            "audience": stands["audience"],
            "currency": self.pack.currency,
            "time_zone": self.pack.time_zone,
            "files": {"key": "device.key", "certificate": "device.pem", "root": "root.pem"},
            "addresses": {
                "device": f"{to.ecr}{DEVICE_PATH}",
                **_paths(kind, to.ecr),
                "receipts": f"{to.public}r/",
                "enrolment": to.est,
                "pki": to.pki,
            },
            "stands": stands,
        }


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _paths(kind: DeviceClass, base: str) -> dict[str, str]:
    if kind is DeviceClass.ERP:
        paths = {
            "documents": ERP_DOCUMENTS_PATH, "bulk": BULK_PATH, "feed": FEED_PATH, "openapi": ERP_OPENAPI_PATH,
        }  # fmt: skip
    else:
        paths = {"documents": DOCUMENTS_PATH, "openapi": "/openapi.json"}
    if kind is DeviceClass.HARDWARE:
        paths |= {"batches": BATCHES_PATH, "head": HEAD_PATH}
    return {name: f"{base}{path}" for name, path in paths.items()}
