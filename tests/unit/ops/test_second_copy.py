"""The second copy: another disk, or an acceptance that somebody gave."""

from pathlib import Path

import pytest

from tallystick.ops.second_copy import SameDisk, check_second_copy


def test_one_disk_is_refused_unless_accepted(tmp_path: Path) -> None:
    with pytest.raises(SameDisk, match="TALLYSTICK_MIRROR"):
        check_second_copy(tmp_path, tmp_path, accepted=False)
    assert check_second_copy(tmp_path, tmp_path, accepted=True) is False


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system at hand")
def test_two_file_systems_are_two_disks(tmp_path: Path) -> None:
    if tmp_path.stat().st_dev == Path("/dev/shm").stat().st_dev:
        pytest.skip("the temporary folder lies on the second file system, too")
    assert check_second_copy(tmp_path, Path("/dev/shm"), accepted=False) is True
