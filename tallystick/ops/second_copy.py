"""The second copy of the ledger must not die with the first: the mirror lies on another disk, or one accepted it."""

from pathlib import Path


class SameDisk(RuntimeError):
    """Database and mirror lie on one disk, and nobody accepted that."""


def check_second_copy(database: Path, mirror: Path, *, accepted: bool) -> bool:
    """Whether the two folders lie on different disks; raises `SameDisk` when they do not and nobody accepted that."""
    apart = database.stat().st_dev != mirror.stat().st_dev
    if not apart and not accepted:
        raise SameDisk(
            f"the mirror {mirror} lies on the disk of the database. Put it on another with TALLYSTICK_MIRROR, "
            "or accept the loss of both with TALLYSTICK_SINGLE_DISK_ACCEPTED=true."
        )
    return apart
