"""A second reader of ledger exports, in one file and of the standard library alone: written from
docs/guides/ledger-export.md and sharing nothing with the product. It checks hashes, links and the root of a whole
ledger; signatures it leaves to `openssl`.

    python second_verifier.py EXPORT
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any


def h(*parts: bytes) -> bytes:
    """SHA-256 of the parts, one behind the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def tagged(name: str, *fields: bytes) -> bytes:
    """The tagged hash of the guide."""
    tag = b"tallystick/v1/" + name.encode()
    return h(bytes([len(tag)]), tag, *(struct.pack(">I", len(one)) + one for one in fields))


def u64(number: int) -> bytes:
    """Eight bytes, big-endian."""
    return struct.pack(">Q", number % 2**64)


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, by the book."""
    if not leaves:
        return h()
    if len(leaves) == 1:
        return h(b"\x00", leaves[0])
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return h(b"\x01", root_of(leaves[:middle]), root_of(leaves[middle:]))


def lines_of(folder: Path, manifest: dict[str, Any]) -> Any:
    """All lines of all parts."""
    for part in manifest["parts"]:
        packed = (folder / part["name"]).read_bytes()
        if hashlib.sha256(packed).hexdigest() != part["sha256"]:
            raise SystemExit(f"{part['name']}: another content than the manifest says")
        for line in gzip.decompress(packed).splitlines():
            yield json.loads(line)


def settled(index: int, place: dict[str, Any], before: bytes, behind: bytes) -> list[str]:
    """A settled place stands behind the link that it names, and the sequence goes on from the other one."""
    return [] if (place["previous"], place["next"]) == (before.hex(), behind.hex()) else [f"{index}: settled place"]


def check(folder: Path) -> tuple[list[str], bytes]:
    """What is wrong, and the root over all leaves."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    wrong: list[str] = []
    leaves: list[bytes] = []
    links: dict[tuple[str, str], bytes] = {}
    totals: dict[str, int] = {}
    for line in lines_of(folder, manifest):
        if "certificate" in line:
            continue
        leaf, salt = base64.b64decode(line["leaf"]), base64.b64decode(line["salt"])
        body = base64.b64decode(line["body_base64"]) if "body_base64" in line else line["body"].encode()
        record, index, before = json.loads(line["record"]), line["index"], line.get("before", {})
        leaves.append(leaf)
        digest = h(body)
        if record["body_hash"] != digest.hex():
            wrong.append(f"{index}: body")
        if tagged("record", salt, line["record"].encode()) != leaf[16:48]:
            wrong.append(f"{index}: record")
        kind = struct.pack(">H", int(record["type"]))
        key = ("type", record["type"])
        links[key] = tagged(
            "type-link", links.get(key) or tagged("type-genesis", kind), kind, u64(int(record["type_seq"])), digest
        )
        if links[key] != leaf[112:144]:
            wrong.append(f"{index}: type link")
        if record["kind"] == "3" and record.get("device"):
            opened = tagged(
                "device-genesis", record["device"].encode(), bytes.fromhex(record["certificate_hash"]), h(b"\x00", leaf)
            )
            links.setdefault(("device", record["device"]), opened)
        if record["kind"] == "15":
            key = ("device", record["device"])
            wrong += settled(index, json.loads(body), links[key], leaf[48:80])
            links[key] = leaf[48:80]
        if record["kind"] != "1":
            continue
        key = ("device", record["device"])
        links[key] = tagged("device-link", links[key], u64(int(record["device_seq"])), digest)
        if links[key] != leaf[48:80]:
            wrong.append(f"{index}: device link")
        key, tin = ("taxpayer", record["taxpayer"]), record["taxpayer"].encode()
        opened = links.get(key) or tagged("taxpayer-genesis", base64.b64decode(before["salt"]), tin)
        links[key] = tagged("taxpayer-link", opened, u64(int(record["taxpayer_seq"])), digest)
        if links[key] != leaf[80:112]:
            wrong.append(f"{index}: taxpayer link")
        day = struct.pack(">i", int(record["day"]))
        totals[record["day"]] = totals.get(record["day"], 0) + int(record["day_amount"])
        key = ("day", record["day"])
        opened = links.get(key) or tagged("day-genesis", day)
        links[key] = tagged("day-link", opened, day, u64(int(record["day_seq"])), digest, u64(totals[record["day"]]))
        if links[key] != leaf[144:176]:
            wrong.append(f"{index}: day link")
    return wrong, root_of(leaves)


def newest_root(folder: Path) -> bytes:
    """The root in the last head."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    name = next(head["name"] for head in manifest["heads"] if head["size"] == manifest["size"])
    return base64.b64decode((folder / name).read_text().split("\n")[2])


if __name__ == "__main__":
    found, root = check(Path(sys.argv[1]))
    if root != newest_root(Path(sys.argv[1])):
        found.append("the root is not the one that was signed")
    print("\n".join(found) or "no break")
    raise SystemExit(bool(found))
