"""Checks the signatures of many documents at once, in processes of their own, so that a loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context

from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.faults import Fault

Signed = tuple[bytes, bytes]
"""Signing input and signature."""
_CHUNK_LEAST = 32


class Signatures:
    """Over so many processes; 0 checks in the caller's own. They start with the first check and live on."""

    def __init__(self, processes: int = 0) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    async def wrong(self, spki: bytes, signed: Sequence[Signed]) -> list[str]:
        """For each the code of what is wrong with its signature by this key (DER), empty where it is good."""
        if not self._processes:
            return check(spki, signed)
        size = max(_CHUNK_LEAST, -(-len(signed) // self._processes))
        loop = asyncio.get_running_loop()
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._processes, get_context("forkserver"))
        try:
            chunks = [
                loop.run_in_executor(self._pool, check, spki, signed[start : start + size])
                for start in range(0, len(signed), size)
            ]
            return [code for chunk in await asyncio.gather(*chunks) for code in chunk]
        except BrokenProcessPool:
            self.close()
            raise Fault("TS-5099", detail="the processes that check signatures have ended") from None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def check(spki: bytes, signed: Sequence[Signed]) -> list[str]:
    """What a process does with its share."""
    key = _key(spki)
    return [_code(key, text, signature) for text, signature in signed]


def _code(key: PublicKey, text: bytes, signature: bytes) -> str:
    try:
        verify_es256(key, text, signature)
    except Fault as fault:
        return fault.code
    return ""


@lru_cache(maxsize=1_024)
def _key(spki: bytes) -> PublicKey:
    return PublicKey.from_spki(spki)
