"""The worked example of docs/guides/national-document.md, against a stranger's code and the house's."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest
import stranger
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tallystick.kernel.hashing import device_genesis, device_link
from tallystick.kernel.judgement import check_taxes, check_totals
from tallystick.kernel.merkle import Frontier, leaf_hash
from tallystick.ops.packs import load_pack
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.receipt_code import read_receipt_code, receipt_code, register_code, write_receipt_code

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/guides/national-document.md").read_text(encoding="utf-8")
EXAMPLE = dict(re.findall(r"\*\*([^*]+)\*\*[^\n]*\n\n```text\n(.*?)\n```", GUIDE, re.DOTALL))
HEADER, PAYLOAD = EXAMPLE["header"], EXAMPLE["payload"]
SIGNING_INPUT, SIGNATURE = EXAMPLE["signing input"], bytes.fromhex(EXAMPLE["signature"])
COMPACT = f"{SIGNING_INPUT}.{stranger.b64url(SIGNATURE)}"
CERTIFICATE = x509.load_pem_x509_certificate(EXAMPLE["certificate"].encode())


def of_the_library(signature: bytes) -> bytes:
    return utils.encode_dss_signature(*(int.from_bytes(half, "big") for half in (signature[:32], signature[32:])))


def test_the_example_is_whole() -> None:
    assert len(EXAMPLE) == 13
    said = json.loads(HEADER)
    table = GUIDE.partition("## Header")[2].partition("## Links")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == set(said)
    assert said["ts-nonce"] == stranger.b64url(bytes(range(16)))
    assert said["ts-prev"] == stranger.b64url(b"\x11" * 32)


def test_another_implementation_makes_every_byte_of_it() -> None:
    assert f"{stranger.b64url(HEADER.encode())}.{stranger.b64url(PAYLOAD.encode())}" == SIGNING_INPUT
    fingerprint = CERTIFICATE.fingerprint(hashes.SHA256())
    assert fingerprint.hex() in GUIDE
    assert json.loads(HEADER)["kid"] == stranger.b64url(fingerprint)
    key = ec.derive_private_key(int(EXAMPLE["private key"], 16), ec.SECP256R1())
    assert key.public_key() == CERTIFICATE.public_key()
    key.public_key().verify(of_the_library(SIGNATURE), SIGNING_INPUT.encode(), ec.ECDSA(hashes.SHA256()))
    assert hashlib.sha256(SIGNING_INPUT.encode()).hexdigest() == EXAMPLE["hash of the signing input"]
    assert hashlib.sha256(COMPACT.encode()).hexdigest() == EXAMPLE["hash of the compact form"]
    assert stranger.b64url(stranger.genesis("AB12CD34", fingerprint, bytes(range(32)))) == EXAMPLE["genesis"]
    assert stranger.b64url(stranger.next_link(b"\x11" * 32, 3, COMPACT)) == EXAMPLE["link"]
    said, content = json.loads(HEADER), json.loads(PAYLOAD)
    assert stranger.operators_code(said, content, SIGNING_INPUT, SIGNATURE) == EXAMPLE["operator's code"]
    code = bytes.fromhex(EXAMPLE["code bytes"])
    assert stranger.b64url(code) == EXAMPLE["code"]

    def sign(text: bytes) -> bytes:
        key.public_key().verify(of_the_library(code[-64:]), text, ec.ECDSA(hashes.SHA256()))
        return code[-64:]

    assert stranger.receipt_code(said, content, SIGNING_INPUT, sign) == code


def test_the_house_reads_the_same() -> None:
    signed = read_signed(COMPACT.encode())
    document = read_document(signed.payload)
    assert (signed.act_hash.hex(), signed.body_hash.hex()) == (
        EXAMPLE["hash of the signing input"], EXAMPLE["hash of the compact form"],
    )  # fmt: skip
    assert write_receipt_code(receipt_code(signed, document)) == EXAMPLE["operator's code"]
    made = register_code(signed, document, lambda text: bytes.fromhex(EXAMPLE["code bytes"])[-64:])
    assert write_receipt_code(made) == EXAMPLE["code"]
    assert read_receipt_code(EXAMPLE["code"]) == made
    assert signed.header.kid == CERTIFICATE.fingerprint(hashes.SHA256())
    genesis = device_genesis("AB12CD34-AB12CD34", signed.header.kid, bytes(range(32)))
    assert stranger.b64url(genesis) == EXAMPLE["genesis"]
    assert stranger.b64url(device_link(signed.header.previous, 3, signed.body_hash)) == EXAMPLE["link"]


def test_the_taxes_of_the_example_are_those_of_the_rule_in_the_guide() -> None:
    sale, group = read_document(PAYLOAD.encode()).sale, load_pack("AQ").tax_groups[-1]
    assert sale is not None
    assert sale.rate_group == group.group_id
    check_taxes(sale.items, sale.taxes, group)
    check_totals(sale.items, sale.total)
    said = json.loads(PAYLOAD)
    known = [(category, rate) for category in group.categories for rate in category.rates]
    rates = {
        "labels": {rate.label: str(rate.rate) for _, rate in known},
        "types": {rate.label: category.category_type.word for category, rate in known},
    }
    assert stranger.taxes_of(said["items"], rates) == said["taxes"]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_a_strangers_root_of_a_batch_is_ours(count: int) -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(count)]
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    assert stranger.merkle_root(leaves) == tree.root()


def test_the_root_in_the_guide_of_batches() -> None:
    text = (ROOT / "docs/guides/offline-batches.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert stranger.b64url(stranger.merkle_root([bytes([number]) * 32 for number in (1, 2, 3)])) == told


def test_the_stranger_has_nothing_of_ours() -> None:
    tree = ast.parse(Path(stranger.__file__).read_text(encoding="utf-8"))
    imported = {one.module or "" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    imported |= {name.name for one in ast.walk(tree) if isinstance(one, ast.Import) for name in one.names}
    foreign = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert foreign == {"cryptography"}
