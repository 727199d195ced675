"""Golden national documents: a register's life in nine documents, checked by hand here and by the house's readers."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from tallystick.verifier.national import read_national
from tallystick.verifier.registers import RegisterFold, Registers
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.receipt_code import read_receipt_code, receipt_code, write_receipt_code
from tallystick.wire.record import Record

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/national_documents.json").read_text())


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_another_implementation_reads_the_same() -> None:
    """With nothing of ours: base64, JSON, SHA-256 and ECDSA."""
    certificate = x509.load_der_x509_certificate(bytes.fromhex(VECTORS["certificate"]))
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    kid, link = hashlib.sha256(bytes.fromhex(VECTORS["certificate"])).digest(), bytes.fromhex(VECTORS["genesis"])
    for sequence, document in enumerate(VECTORS["documents"], 1):
        signing_input, _, signature = document["compact"].rpartition(".")
        header, _, payload = signing_input.partition(".")
        said, raw = json.loads(unpadded(header)), unpadded(signature)
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, signing_input.encode(), ec.ECDSA(SHA256()))
        assert (said["ts-seq"], said["ts-aud"], said["ts-dev"]) == (
            str(sequence), VECTORS["origin"], VECTORS["device"],
        )  # fmt: skip
        assert unpadded(said["kid"]) == kid
        assert unpadded(said["ts-prev"]) == link
        assert hashlib.sha256(signing_input.encode()).hexdigest() == document["actHash"]
        assert hashlib.sha256(document["compact"].encode()).hexdigest() == document["bodyHash"]
        link = bytes.fromhex(document["link"])
        if "code" in document:
            code, content = unpadded(document["code"]), json.loads(unpadded(payload))
            layout, kind, _, number, total, time, act, signed = struct.unpack(">BB6sIQ6s32s64s", code)
            assert (layout, 0x0200 + kind, number) == (0x11, document["type"], sequence)
            assert total == round(float(content["total"]) * 10_000)
            assert datetime.fromtimestamp(int.from_bytes(time, "big") / 1000, UTC) == datetime.fromisoformat(
                said["ts-time"]
            )
            assert (act.hex(), signed) == (document["actHash"], raw)


def test_the_readers_of_the_house_read_the_same() -> None:
    fold, registers = RegisterFold.new(), Registers()
    for document in VECTORS["documents"]:
        signed = read_signed(document["compact"].encode())
        said = read_document(signed.payload)
        assert (signed.act_hash.hex(), signed.body_hash.hex()) == (document["actHash"], document["bodyHash"])
        assert (signed.header.number, said.type_code) == (document["number"], document["type"])
        if "code" in document:
            assert write_receipt_code(receipt_code(signed, said)) == document["code"]
            assert read_receipt_code(document["code"]).number == document["number"]
        record = Record(version="1", device="TILL0001-TILL0001", device_seq=str(signed.header.sequence))
        registers.take(signed.header.sequence, record, read_national(signed.compact).said)
    assert [found for one in registers.happened["TILL0001-TILL0001"] for found in fold.take(one)] == []
