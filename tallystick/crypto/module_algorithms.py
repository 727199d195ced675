"""The algorithms that a profile of fiscal modules names (S1-050 to S1-055), so that a station can test a module.

What a module answers is compared with what is computed here; ``self_test`` first shows, by published vectors, that
what is computed here is right. Nothing is ever protected with these functions: the registry gives them for that test
alone, and ends each of them by its date (K-01).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tallystick.crypto.keys import PublicKey
from tallystick.crypto.legacy import gost, old, verify_rsa_sha256
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import ModuleAlgorithm

GOST_BOXES = "id-GostR3411-94-TestParamSet"


_USES: Mapping[ModuleAlgorithm, Use] = {
    ModuleAlgorithm.GOST_28147_89: Use.TEST_MODULE_GOST,
    ModuleAlgorithm.TRIPLE_DES: Use.TEST_MODULE_TRIPLE_DES,
    ModuleAlgorithm.AES: Use.TEST_MODULE_AES,
    ModuleAlgorithm.RSA: Use.TEST_MODULE_RSA,
    ModuleAlgorithm.SHA_1: Use.TEST_MODULE_SHA1,
    ModuleAlgorithm.SHA_224: Use.TEST_MODULE_SHA224,
    ModuleAlgorithm.SHA_256: Use.TEST_MODULE_SHA256,
    ModuleAlgorithm.ECC: Use.TEST_MODULE_ECC,
}


def _require(algorithm: ModuleAlgorithm, moment: datetime | None) -> None:
    use = _USES.get(algorithm)
    if use is None:
        raise Fault("TS-1310", detail=f"{algorithm} has no published answers")
    require(use, moment)


def encrypt_block(
    algorithm: ModuleAlgorithm, key: bytes, block: bytes, *, moment: datetime | None = None, boxes: str = GOST_BOXES
) -> bytes:
    """One block of GOST 28147-89, 3DES (8 bytes) or AES (16 bytes), as a module must give it.

    Raises ``TS-1310`` when the registry no longer gives the algorithm or the algorithm has no blocks, ``ValueError``
    for lengths that it does not know.
    """
    _require(algorithm, moment)
    if algorithm is ModuleAlgorithm.GOST_28147_89:
        return gost.encrypt_block(key, block, boxes)
    if algorithm is ModuleAlgorithm.TRIPLE_DES:
        return old.triple_des_block(key, block)
    if algorithm is ModuleAlgorithm.AES:
        return old.aes_block(key, block)
    raise Fault("TS-1310", detail=f"{algorithm} is no block cipher")


def decrypt_block(
    algorithm: ModuleAlgorithm, key: bytes, block: bytes, *, moment: datetime | None = None, boxes: str = GOST_BOXES
) -> bytes:
    """Undo ``encrypt_block``."""
    _require(algorithm, moment)
    if algorithm is ModuleAlgorithm.GOST_28147_89:
        return gost.decrypt_block(key, block, boxes)
    if algorithm is ModuleAlgorithm.TRIPLE_DES:
        return old.triple_des_block(key, block, undo=True)
    if algorithm is ModuleAlgorithm.AES:
        return old.aes_block(key, block, undo=True)
    raise Fault("TS-1310", detail=f"{algorithm} is no block cipher")


def digest(algorithm: ModuleAlgorithm, data: bytes, *, moment: datetime | None = None) -> bytes:
    """The hash that a module must give for some bytes; raises ``TS-1310``."""
    if algorithm not in {ModuleAlgorithm.SHA_1, ModuleAlgorithm.SHA_224, ModuleAlgorithm.SHA_256}:
        raise Fault("TS-1310", detail=f"{algorithm} is no hash")
    _require(algorithm, moment)
    return old.digest(algorithm.value, data)


def verify(
    algorithm: ModuleAlgorithm, key: PublicKey, text: bytes, signature: bytes, *, moment: datetime | None = None
) -> None:
    """Check what a module signed: RSA PKCS#1 v1.5 with SHA-256, or ECDSA (DER) with SHA-256 on a curve over GF(p).

    Raises ``TS-1310`` and ``TS-1312``.
    """
    _require(algorithm, moment)
    if algorithm is ModuleAlgorithm.RSA and isinstance(key.handle, rsa.RSAPublicKey):
        verify_rsa_sha256(key.handle, text, signature)
        return
    if algorithm is ModuleAlgorithm.ECC and isinstance(key.handle, ec.EllipticCurvePublicKey):
        try:
            key.handle.verify(signature, text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None
        return
    raise Fault("TS-1310", detail=f"{algorithm} does not sign with such a key")


def self_test(moment: datetime | None = None) -> tuple[ModuleAlgorithm, ...]:
    """Algorithms whose published vectors come out right here, in the order of the profile.

    An algorithm that the registry has ended is not among them. A station that lacks one of a profile must not start.
    """
    return tuple(algorithm for algorithm in _KNOWN_ANSWERS if _comes_out_right(algorithm, moment))


def _comes_out_right(algorithm: ModuleAlgorithm, moment: datetime | None) -> bool:
    try:
        return _KNOWN_ANSWERS[algorithm](moment)
    except Fault:
        return False


def _gost(moment: datetime | None) -> bool:
    """RFC 5831, 7.3.1, the first step, and RFC 8891, A.2; both write numbers the other way round."""
    algorithm = ModuleAlgorithm.GOST_28147_89
    first = bytes.fromhex("733d2c20656865737474676979676120626e737320657369326c656833206d54")[::-1]
    second = bytes.fromhex("ffeeddccbbaa99887766554433221100f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    second = b"".join(second[at : at + 4][::-1] for at in range(0, 32, 4))
    block = bytes.fromhex("fedcba9876543210")[::-1]
    one = encrypt_block(algorithm, first, bytes(8), moment=moment)
    two = encrypt_block(algorithm, second, block, moment=moment, boxes="id-tc26-gost-28147-param-Z")
    return one[::-1].hex() == "42abbcce32bc0b1b" and two[::-1].hex() == "4ee901e5c2d8ca3d"


def _triple_des(moment: datetime | None) -> bool:
    """NIST SP 800-67, B.1."""
    key = bytes.fromhex("0123456789abcdef23456789abcdef01456789abcdef0123")
    text = b"The qufck brown fox jump"
    blocks = [encrypt_block(ModuleAlgorithm.TRIPLE_DES, key, text[at : at + 8], moment=moment) for at in (0, 8, 16)]
    return b"".join(blocks).hex() == "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900"


def _aes(moment: datetime | None) -> bool:
    """FIPS 197, C.1 and C.3."""
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    short, long = (encrypt_block(ModuleAlgorithm.AES, bytes(range(n)), block, moment=moment).hex() for n in (16, 32))
    return short == "69c4e0d86a7b0430d8cdb78070b4c55a" and long == "8ea2b7ca516745bfeafc49904b496089"


def _rsa(moment: datetime | None) -> bool:
    """A signature of the Wycheproof set (RSA 2048, SHA-256, the message ``123400``)."""
    key = PublicKey.from_spki(bytes.fromhex(_RSA_SPKI))
    verify(ModuleAlgorithm.RSA, key, b"123400", bytes.fromhex(_RSA_SIGNATURE), moment=moment)
    return True


def _ecc(moment: datetime | None) -> bool:
    """RFC 6979, A.2.5: P-256, SHA-256, the message ``sample``."""
    key = PublicKey.from_spki(bytes.fromhex(_ECC_SPKI))
    verify(ModuleAlgorithm.ECC, key, b"sample", bytes.fromhex(_ECC_SIGNATURE), moment=moment)
    return True


def _hash(algorithm: ModuleAlgorithm, expected: str) -> Callable[[datetime | None], bool]:
    """FIPS 180: the three letters abc."""
    return lambda moment: digest(algorithm, b"abc", moment=moment).hex() == expected


_ECC_SPKI = (
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
_ECC_SIGNATURE = (
    "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)
_RSA_SPKI = (
    "30820122300d06092a864886f70d01010105000382010f003082010a0282010100a2b451a07d0aa5f96e455671513550514a"
    "8a5b462ebef717094fa1fee82224e637f9746d3f7cafd31878d80325b6ef5a1700f65903b469429e89d6eac8845097b5ab39"
    "3189db92512ed8a7711a1253facd20f79c15e8247f3d3e42e46e48c98e254a2fe9765313a03eff8f17e1a029397a1fa26a8d"
    "ce26f490ed81299615d9814c22da610428e09c7d9658594266f5c021d0fceca08d945a12be82de4d1ece6b4c03145b5d3495"
    "d4ed5411eb878daf05fd7afc3e09ada0f1126422f590975a1969816f48698bcbba1b4d9cae79d460d8f9f85e7975005d9bc2"
    "2c4e5ac0f7c1a45d12569a62807d3b9a02e5a530e773066f453d1f5b4c2e9cf7820283f742b9d50203010001"
)
_RSA_SIGNATURE = (
    "1758eb94588e6fc4f50c1be1afcaa41027869f304cad513b1fb12c2f446d63cdc05c4830a7e3e630da7b2da4f7867cc173bf"
    "6420f9732277282596de41ded32e21d0cc31441174da8765f57419c7764ea758f55bc17646eb100c435d1ac0eed6fc7ba6de"
    "5f832094ee2f479979765e05ac9976788db3c241a9e32a0da864f0019a87646ba623d63f4411af5dee1be9ec488c7e3e1b23"
    "1479de70b9ac5f78a17b1f4120aece45f26c07e7bb345fdfeb05e14bcaacc614672a465fc523624cb19f66f9c6c3f642b832"
    "ca44cb25176d679f0e05606c3fed022cac24c2bf960a406d48818e3eb7ed53b0446032469047dfed95fc18088c92d91d9372"
    "2c47f88163a8"
)

_KNOWN_ANSWERS: Mapping[ModuleAlgorithm, Callable[[datetime | None], bool]] = {
    ModuleAlgorithm.GOST_28147_89: _gost,
    ModuleAlgorithm.TRIPLE_DES: _triple_des,
    ModuleAlgorithm.AES: _aes,
    ModuleAlgorithm.RSA: _rsa,
    ModuleAlgorithm.SHA_1: _hash(ModuleAlgorithm.SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ModuleAlgorithm.SHA_224: _hash(ModuleAlgorithm.SHA_224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    ModuleAlgorithm.SHA_256: _hash(
        ModuleAlgorithm.SHA_256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    ),
    ModuleAlgorithm.ECC: _ecc,
}

TESTED = tuple(_KNOWN_ANSWERS)
"""Every algorithm that published vectors exist for, in the order of the profile; random numbers have none."""
