"""Questions with published answers, by which a station tries the algorithms of a module (S1-050 to S1-055).

RSA has none here: the keys that the module makes sign something that the station chose. Nor have random numbers.
"""

from __future__ import annotations

import attrs

from tallystick.kernel.fiscal_module import ModuleAlgorithm


@attrs.frozen(slots=True, kw_only=True)
class KnownAnswer:
    """One question: key and text, what a right controller answers, and who published it."""

    algorithm: ModuleAlgorithm
    key: bytes = b""
    text: bytes
    answer: bytes
    source: str


KNOWN_ANSWERS = (
    KnownAnswer(
        algorithm=ModuleAlgorithm.AES,
        key=bytes(range(32)),
        text=bytes.fromhex("00112233445566778899aabbccddeeff"),
        answer=bytes.fromhex("8ea2b7ca516745bfeafc49904b496089"),
        source="FIPS 197, C.3",
    ),
    KnownAnswer(
        algorithm=ModuleAlgorithm.TRIPLE_DES,
        key=bytes.fromhex("0123456789abcdef23456789abcdef01456789abcdef0123"),
        text=b"The qufc",
        answer=bytes.fromhex("a826fd8ce53b855f"),
        source="NIST SP 800-67, B.1",
    ),
    KnownAnswer(
        algorithm=ModuleAlgorithm.GOST_28147_89,
        key=bytes.fromhex("ccddeeff8899aabb4455667700112233f3f2f1f0f7f6f5f4fbfaf9f8fffefdfc"),
        text=bytes.fromhex("1032547698badcfe"),
        answer=bytes.fromhex("3dcad8c2e501e94e"),
        source="RFC 8891, A.3, in the order of bytes of RFC 5830",
    ),
    KnownAnswer(
        algorithm=ModuleAlgorithm.SHA_1,
        text=b"abc",
        answer=bytes.fromhex("a9993e364706816aba3e25717850c26c9cd0d89d"),
        source="FIPS 180-2, A.1",
    ),
    KnownAnswer(
        algorithm=ModuleAlgorithm.SHA_224,
        text=b"abc",
        answer=bytes.fromhex("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        source="FIPS 180-2 change notice 1, A.1",
    ),
    KnownAnswer(
        algorithm=ModuleAlgorithm.SHA_256,
        text=b"abc",
        answer=bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        source="FIPS 180-2, B.1",
    ),
    KnownAnswer(
        algorithm=ModuleAlgorithm.ECC,
        key=bytes.fromhex("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"),
        text=bytes.fromhex(
            "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
            "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
        ),
        answer=bytes.fromhex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"),
        source="NIST CAVP, KAS ECC CDH primitive, P-256, count 0",
    ),
)
