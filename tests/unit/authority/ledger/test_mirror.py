"""The mirror's files: whole frames are read, torn ones left out, damage told, and a refused batch taken back."""

from pathlib import Path

import pytest

from tallystick.authority.ledger.mirror import (
    HEADER_BYTES,
    Mirror,
    MirrorDamaged,
    MirrorEntry,
    buyer_frame,
    entry_frame,
    read_frames,
    segments,
)
from tallystick.authority.ledger.mirror_erasure import erase_in_mirror
from tallystick.kernel.hashing import sha256


def entry(index: int, body: bytes = b"body") -> MirrorEntry:
    return MirrorEntry(index, bytes([index]) * 176, b"s" * 32, b'{"r":"1"}', body)


def append(mirror: Mirror, batch: int, *indexes: int, body: bytes = b"body") -> None:
    frames = [piece for index in indexes for piece in entry_frame(*entry(index, body))]
    mirror.append(batch, indexes[0], len(indexes), frames)
    mirror.confirm()


def entries(folder: Path) -> list[MirrorEntry]:
    return [frame.entry for segment in segments(folder) for frame in read_frames(segment) if frame.entry]


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path)
    append(mirror, 1, 0, 1)
    mirror.seal(b"note of two")
    append(mirror, 2, 2)
    mirror.close()
    frames = list(read_frames(segments(tmp_path)[0]))
    assert [frame.batch for frame in frames if frame.batch] == [(1, 0, 2), (2, 2, 1)]
    assert [frame.note for frame in frames if frame.note] == [b"note of two"]
    assert entries(tmp_path) == [entry(0), entry(1), entry(2)]
    assert frames[-1].end == segments(tmp_path)[0].stat().st_size
    assert segments(tmp_path)[0].stat().st_mode & 0o777 == 0o600


def test_a_buyer_s_salt_goes_with_the_body_and_no_other(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, segment_bytes=100)
    frames = [
        piece for index in range(3) for piece in (buyer_frame(index, bytes([index]) * 32), *entry_frame(*entry(index)))
    ]
    frames += entry_frame(*entry(3))
    mirror.append(1, 0, 4, frames)
    mirror.confirm()
    append(mirror, 2, 4)
    mirror.close()
    assert [sorted(one) for one in erase_in_mirror(tmp_path, {1: sha256(b"body"), 3: sha256(b"body")})] == [[1, 3]]
    salts = [frame.buyer for frame in read_frames(segments(tmp_path)[0]) if frame.buyer]
    assert salts == [(0, bytes([0]) * 32), (2, bytes([2]) * 32)]
    assert [one.body for one in entries(tmp_path)] == [b"body", b"", b"body", b"", b"body"]


def test_files_end_at_their_size_and_never_within_a_batch(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, segment_bytes=1_000)
    for batch in range(6):
        append(mirror, batch, 2 * batch, 2 * batch + 1, body=b"x" * 300)
    mirror.close()
    assert [path.stem for path in segments(tmp_path)] == [f"{index:020d}" for index in (0, 2, 4, 6, 8, 10)]
    assert [one.log_index for one in entries(tmp_path)] == list(range(12))


def test_a_refused_batch_is_taken_back_and_only_that(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path)
    append(mirror, 1, 0)
    mirror.rewind()
    assert entries(tmp_path) == [entry(0)], "a committed batch stays"
    mirror.append(2, 1, 1, entry_frame(*entry(1)))
    mirror.rewind()
    append(mirror, 2, 1, body=b"another")
    assert entries(tmp_path) == [entry(0), entry(1, b"another")]
    mirror.close()


@pytest.mark.parametrize("lost", [1, 5, 100, 230])
def test_a_torn_end_is_left_out(tmp_path: Path, lost: int) -> None:
    mirror = Mirror(tmp_path)
    append(mirror, 1, 0, 1)
    mirror.close()
    path = segments(tmp_path)[0]
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - lost)
    assert entries(tmp_path) == [entry(0)]


@pytest.mark.parametrize("kept", range(HEADER_BYTES))
def test_a_torn_header_is_written_anew(tmp_path: Path, kept: int) -> None:
    mirror = Mirror(tmp_path)
    append(mirror, 1, 0)
    mirror.close()
    path = segments(tmp_path)[0]
    with path.open("r+b") as file:
        file.truncate(kept)
    assert entries(tmp_path) == []
    again = Mirror(tmp_path)
    append(again, 1, 0)
    again.close()
    assert entries(tmp_path) == [entry(0)]


@pytest.mark.parametrize("place", [0, 4, HEADER_BYTES + 4])
def test_damage_inside_is_told(tmp_path: Path, place: int) -> None:
    mirror = Mirror(tmp_path)
    append(mirror, 1, 0)
    mirror.close()
    path = segments(tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(MirrorDamaged):
        list(read_frames(path))


def test_what_is_cut_is_kept(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path)
    append(mirror, 1, 0)
    path = segments(tmp_path)[0]
    end = path.stat().st_size
    append(mirror, 2, 1)
    whole = path.read_bytes()
    kept = [mirror.cut(path, end)]
    append(mirror, 2, 1, body=b"another")
    kept.append(mirror.cut(path, end))
    assert kept[0].read_bytes() == whole[end:]
    assert kept[0] != kept[1]
    assert entries(tmp_path) == [entry(0)]
    mirror.close()
