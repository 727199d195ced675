"""What a person does with a register from the command line: enrol it, give it an order, ask how it stands."""

from __future__ import annotations

import getpass
import http.client
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from tallystick.device.ecr.api import TOKEN_FILE
from tallystick.device.ecr.enrolment import enrol, renew
from tallystick.device.ecr.folder_lock import take_lock
from tallystick.device.ecr.place import begin_register, open_register
from tallystick.device.ecr.setup_file import read_register_file
from tallystick.ops.processes.context import system_clock

_TIMEOUT_SECONDS = 60


def read_passphrase(file: Path | None) -> str:
    """From a file that its owner alone should read, or typed by a person."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            sys.exit(f"tallystick: {file}: {error}")
    return getpass.getpass("Passphrase of the register's key: ")


def enrol_register(folder: Path, code: str, passphrase: str, memory: Path | None) -> str:
    """Make the key, get the first certificate for a one-time code, begin the memory of the offline class."""
    files = begin_register(folder, passphrase, memory=memory)
    enrol(files, read_register_file(folder), code)
    identity = files.identity()
    return f"certificate {identity.certificate_hash.hex()}, valid until {identity.not_after:%Y-%m-%d %H:%M} UTC"


def renew_register(folder: Path, passphrase: str) -> str:
    """The next certificate, with a new key; raises ``TS-3258`` while the register runs: it renews by itself."""
    file, lock = read_register_file(folder), take_lock(folder)
    try:
        files = begin_register(folder, passphrase)
        renew(files, file)
    finally:
        os.close(lock)
    return f"valid until {files.identity().not_after:%Y-%m-%d %H:%M} UTC; start the register anew"


def go_on(folder: Path, passphrase: str, memory: Path | None) -> None:
    """Lift the stop of a register that a service centre has looked at; it must not be running."""
    opened = open_register(folder, passphrase, system_clock, memory=memory)
    opened.register.lift_stop()
    opened.close()


def give_order(folder: Path, order: bytes, request_id: str) -> bytes:
    """Give an order to the running register; ends the program with its fault."""
    headers = {"Content-Type": "application/json", "Request-Id": request_id or uuid.uuid4().hex}
    return _call(folder, "POST", "/v1/orders", order, headers)


def status_of(folder: Path) -> bytes:
    """How the running register stands."""
    return _call(folder, "GET", "/v1/status", None, {})


def document_of(folder: Path, sequence: int) -> bytes:
    """The answer of a document of the running register."""
    return _call(folder, "GET", f"/v1/documents/{sequence}", None, {})


def sale_of(items: list[str], cash: str, card: str) -> bytes:
    """A sale out of ``NAME:PRICE:LABEL[:QUANTITY]`` and what is paid."""
    lines: list[dict[str, Any]] = []
    for item in items:
        parts = item.split(":")
        if len(parts) not in (3, 4):
            sys.exit(f"{item}: NAME:PRICE:LABEL or NAME:PRICE:LABEL:QUANTITY")
        name, price, label, *quantity = parts
        lines.append({"name": name, "price": price, "labels": [label], "quantity": quantity[0] if quantity else "1"})
    paid = [{"kind": kind, "amount": amount} for kind, amount in (("cash", cash), ("card", card)) if amount]
    return json.dumps({"order": "sell", "lines": lines, "payments": paid}).encode()


def _call(folder: Path, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
    try:
        port = int((folder / "api.port").read_text(encoding="ascii"))
        token = (folder / TOKEN_FILE).read_text(encoding="ascii").strip()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        connection.request(method, path, body, headers | {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"tallystick: no register runs over {folder}: {error}")
    if answer.status != 200:
        problem = json.loads(content)
        sys.exit(f"tallystick: {problem['code']} {problem['title']}: {problem['detail']}")
    return content
