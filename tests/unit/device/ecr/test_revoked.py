"""A register whose certificate is revoked in the middle of a shift: it stops at once, and loses nothing (S0-064)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from till_bench import Bench, sale, without_flushes

from tallystick.device.ecr import channel as way
from tallystick.device.ecr.api import write_status
from tallystick.device.ecr.channel import HttpChannel
from tallystick.device.ecr.face.frame import Frame, state_part
from tallystick.device.ecr.needs import NotTrusted
from tallystick.device.ecr.orders import CloseShift, ReportX
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.device.ecr.words import language_tags, words_of
from tallystick.kernel.faults import Fault
from tallystick.kit.sqlite_file import SqliteFile


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def refusal(bench: Bench, name: str) -> str:
    """The code of the fault that a sale gets."""
    with pytest.raises(Fault) as caught:
        bench.do(name, sale())
    return caught.value.code


def offline(folder: Path) -> Bench:
    bench = Bench(folder, offline=True).opened()
    assert bench.sync()
    bench.do("before", sale())
    return bench


@pytest.mark.parametrize("waits", [True, False])
def test_s0_064_the_offline_class_sells_nothing_once_it_hears_of_it(tmp_path: Path, waits: bool) -> None:
    """With a sale that waits it hears at the sale's delivery, without one at its next contact; then all is brought."""
    bench = offline(tmp_path)
    if not waits:
        assert bench.sync()
        bench.now += timedelta(minutes=6)
    bench.authority.revoked = True
    heard: list[str] = []
    plain = bench.register.seal_interim

    def seal() -> bool:
        heard.append(refusal(bench, "in the middle"))
        return plain()

    bench.register.seal_interim = seal  # type: ignore[method-assign]
    assert not bench.sync()
    assert bench.register.status().barred
    assert heard == (["TS-1104"] if waits else []), "before anything is on its way to quarantine"
    if waits:
        assert "TS-2403" in bench.register.status().apart, "what was sold is at the authority, apart"
    assert refusal(bench, "after") in ("TS-1104", "TS-3252")
    assert bench.register.status().waiting == 0


def test_a_bar_survives_a_restart_without_a_network_and_reports_go_on(tmp_path: Path) -> None:
    bench = offline(tmp_path)
    bench.register.bar("TS-1104")
    bench.authority.away = True
    bench.restart()
    assert refusal(bench, "dark") == "TS-1104"
    assert bench.do("before", sale()), "what was answered is answered again"
    bench.do("x", ReportX())
    bench.do("z", CloseShift())
    assert not bench.sync()
    assert bench.register.status().barred, "silence lifts nothing"
    bench.authority.away = False
    assert bench.sync()
    assert not bench.register.status().barred, (
        "the authority serves us: it was on hold, or the certificate is a new one"
    )


def test_the_online_class_says_so_and_goes_on_when_it_is_served_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.revoked = True
    assert refusal(bench, "a") == "TS-1104"
    assert bench.register.status().barred
    bench.authority.revoked, bench.authority.away = False, True
    assert refusal(bench, "b") == "TS-1104", "known already, nothing is sent"
    bench.authority.away = False
    background = Synchroniser(bench.register, bench.authority, bench.clock)
    assert background.round()
    assert not bench.authority.heads, "a head is a matter of the offline class"
    bench.do("c", sale())


def test_an_alert_on_a_connection_that_stood_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = offline(tmp_path)

    def refused(*_: object) -> object:
        raise NotTrusted("tls alert")

    monkeypatch.setattr(bench.authority, "report_head", refused)
    assert not bench.sync()
    assert refusal(bench, "after") == "TS-1104"
    assert bench.register.status().waiting == 1, "kept for the way back"


def test_only_the_alert_that_says_revoked_bars() -> None:
    alert, other = ssl.SSLError(1, "alert"), ssl.SSLError(1, "alert")
    alert.reason, other.reason = "SSLV3_ALERT_CERTIFICATE_REVOKED", "TLSV1_ALERT_UNKNOWN_CA"
    assert way._says_revoked(alert)
    assert not way._says_revoked(other)
    assert not way._says_revoked(OSError("reset"))


class _Standing:
    """A connection that stood, and ends with an alert."""

    def request(self, *_: object) -> None:
        error = ssl.SSLError(1, "alert")
        error.reason = "SSLV3_ALERT_CERTIFICATE_REVOKED"
        raise error

    def close(self) -> None:
        pass


def test_the_channel_tells_an_alert_from_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = HttpChannel("http://registers.example", None)
    monkeypatch.setattr(channel, "_open", _Standing)
    with pytest.raises(NotTrusted):
        channel.look()


@pytest.mark.parametrize("tag", language_tags())
def test_the_till_says_it_in_every_language(tmp_path: Path, tag: str) -> None:
    bench = offline(tmp_path)
    bench.register.bar("TS-1104 the certificate is revoked")
    words = words_of(tag)
    status = bench.register.status()
    shown = state_part(Frame(words=words, offered=[words], token="t", setup=bench.setup(), status=status))
    assert '<li class="stop">' in shown
    assert words.say("till", "revoked") in shown
    assert words.tables["fault"]["TS-1104"]
    assert b'"revoked":"TS-1104 the' in write_status(bench.register)


def test_a_store_of_the_format_before_is_taken_over(tmp_path: Path) -> None:
    bench = offline(tmp_path)
    kept = bench.documents
    bench.switch_off()
    file = SqliteFile(tmp_path / "register.db", "tallystick.device.ecr", version=4)
    with file.transaction():
        file._connection.execute("DROP INDEX document_late")
        file._connection.execute("ALTER TABLE register DROP COLUMN barred")
        file._connection.execute("PRAGMA user_version = 2")
    file.close()
    bench.switch_on()
    assert bench.documents == kept
    assert bench.register.status().barred == ""
    bench.register.bar("TS-1104")
    assert refusal(bench, "after") == "TS-1104"
