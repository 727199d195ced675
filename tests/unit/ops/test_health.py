"""The private listener: alive, ready, metrics; a check that fails or hangs is named and makes 503."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tallystick.ops.health import HealthListener, event_loop_check


def get(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def fail() -> None:
    raise ConnectionError("database away")


def test_health_ready_and_metrics(tmp_path: Path) -> None:
    announced = tmp_path / "api.port"
    with HealthListener("api", {"database": lambda: None}, port=0, announce=announced):
        port = int(announced.read_text())
        assert get(port, "/health") == (200, b'{"alive":true}')
        assert get(port, "/ready") == (200, b'{"ready": true, "failed": {}}')
        status, body = get(port, "/metrics")
        assert status == 200
        assert b'tallystick_process_info{process="api"' in body
        assert b'tallystick_ready{check="database"} 1.0' in body
        assert get(port, "/etc/passwd")[0] == 404
    assert not announced.exists()


def test_a_failing_or_hanging_check_is_named_and_makes_503() -> None:
    checks = {"database": fail, "disk": lambda: None, "slow": lambda: time.sleep(1)}
    listener = HealthListener("api", checks, port=0, check_timeout_seconds=0.2)
    port = listener.start()
    try:
        status, body = get(port, "/ready")
        assert status == 503
        assert json.loads(body)["failed"] == {
            "database": "ConnectionError: database away",
            "slow": "no answer within 0.2 s",
        }
        assert get(port, "/health")[0] == 200
    finally:
        listener.stop()


def test_a_taken_port_gives_way_to_the_next_free_one() -> None:
    with HealthListener("one", {}, port=0) as first:
        assert first._server is not None
        taken = int(first._server.server_address[1])
        second = HealthListener("two", {}, port=taken)
        try:
            assert second.start() > taken
        finally:
            second.stop()


def test_an_event_loop_that_stands_still_is_noticed() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    released = threading.Event()
    listener = HealthListener("api", {"loop": event_loop_check(loop)}, port=0, check_timeout_seconds=0.3)
    try:
        assert listener.failures() == {}
        loop.call_soon_threadsafe(released.wait)
        assert list(listener.failures()) == ["loop"]
    finally:
        released.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        listener.stop()


def test_all_ports_taken_is_an_error_not_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    with HealthListener("one", {}, port=0) as first:
        assert first._server is not None
        monkeypatch.setattr("tallystick.ops.health._PORTS_TRIED", 0)
        with pytest.raises(OSError, match="in use"):
            HealthListener("two", {}, port=int(first._server.server_address[1])).start()
