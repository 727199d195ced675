"""The tax service of a demonstration comes back where the queue looks for it."""

from __future__ import annotations

import socket
from pathlib import Path

from tallystick.simulation.tax_service import PORT_FILE, port_before


def test_one_that_was_killed_is_followed_at_the_same_port(tmp_path: Path) -> None:
    """S1-034: what waits in the queue goes on, and nobody has to start the operator again."""
    assert port_before(tmp_path) == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        (tmp_path / PORT_FILE).write_text(str(port))
        assert port_before(tmp_path) == 0, "somebody else is there by now"
    assert port_before(tmp_path) == port
