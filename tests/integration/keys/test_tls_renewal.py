"""A server takes a renewed certificate without a restart, and a half-written pair never."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

from tallystick.crypto.pki import DemoPki
from tallystick.crypto.tls import tls_server_context
from tallystick.ops.server_certificate import follow_server_certificate


def test_new_connections_get_the_new_certificate(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    pki = DemoPki.create(tmp_path / "pki", environment=(1, 9), organization="Test operator", country="AQ", at=now)

    async def run() -> list[str]:
        context = tls_server_context(pki.files.folder)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        following = asyncio.create_task(follow_server_certificate(context, pki.files.folder, look_seconds=0.02))

        async def shown() -> str:
            return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))

        try:
            seen = [await shown()]
            good = pki.files.certificate("tls").read_bytes()
            pki.files.certificate("tls").write_bytes(good[: len(good) // 3])
            await asyncio.sleep(0.1)
            seen.append(await shown())
            pki.files.certificate("tls").write_bytes(good)
            pki.renew_tls_now(now)
            for _ in range(100):
                await asyncio.sleep(0.05)
                seen.append(await shown())
                if seen[-1] != seen[0]:
                    break
        finally:
            following.cancel()
            server.close()
        return seen

    seen = asyncio.run(run())
    assert seen[0] == seen[1], "a pair that does not fit is left alone"
    assert seen[-1] != seen[0]
