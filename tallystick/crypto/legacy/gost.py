"""GOST 28147-89, one block of 8 bytes under a key of 32 (S1-050): to test a module with, never to protect anything.

Written out here because no library with releases and types has the cipher with a choice of substitution boxes. The
names of the boxes are those of RFC 4357 and RFC 7836; RFC 5830 describes the cipher.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

BLOCK_BYTES = 8
KEY_BYTES = 32
_WORD = 0xFFFF_FFFF
_BLOCK = struct.Struct("<2I")
_KEY = struct.Struct("<8I")

Boxes = tuple[tuple[int, ...], ...]


def _boxes(*rows: str) -> Boxes:
    """Eight boxes of 16 nibbles; the first one serves the lowest four bits."""
    return tuple(tuple(int(nibble, 16) for nibble in row) for row in rows)


PARAMETER_SETS: dict[str, Boxes] = {
    "id-GostR3411-94-TestParamSet": _boxes(
        "4a92d80e6b1c7f53",
        "eb4c6dfa23810759",
        "581da342efc7609b",
        "7da1089fe46cb253",
        "6c715fd84a9e03b2",
        "4ba0721d36859cfe",
        "db413f590ae7682c",
        "1fd057a4923e6b8c",
    ),
    "id-tc26-gost-28147-param-Z": _boxes(
        "c462a5b9e8d703f1",
        "68239a5c1e47bd0f",
        "b3582fade174c960",
        "c821d4f670a53e9b",
        "7f5a816d093eb42c",
        "5df692cab78143e0",
        "8e25691cf4b0da37",
        "17ed05834fa69cb2",
    ),
}


def encrypt_block(key: bytes, block: bytes, parameters: str) -> bytes:
    """One block of 8 bytes under a key of 32; raises ``ValueError`` for other lengths, ``KeyError`` for other boxes."""
    words = _key_words(key)
    return _rounds(words * 3 + words[::-1], block, PARAMETER_SETS[parameters])


def decrypt_block(key: bytes, block: bytes, parameters: str) -> bytes:
    """Undo ``encrypt_block``."""
    words = _key_words(key)
    return _rounds(words + words[::-1] * 3, block, PARAMETER_SETS[parameters])


def _key_words(key: bytes) -> tuple[int, ...]:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return _KEY.unpack(key)


def _rounds(round_keys: Iterable[int], block: bytes, boxes: Boxes) -> bytes:
    if len(block) != BLOCK_BYTES:
        raise ValueError(f"a block has {BLOCK_BYTES} bytes")
    low, high = _BLOCK.unpack(block)
    for round_key in round_keys:
        low, high = high ^ _substituted((low + round_key) & _WORD, boxes), low
    return _BLOCK.pack(high, low)


def _substituted(word: int, boxes: Boxes) -> int:
    found = 0
    for place, box in enumerate(boxes):
        found |= box[word >> 4 * place & 0xF] << 4 * place
    return (found << 11 | found >> 21) & _WORD
