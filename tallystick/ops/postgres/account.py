"""Whose process the server is: PostgreSQL refuses to run as root, so root lends it an account that has no rights."""

import os
import pwd
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen
class Account:
    """An entry of the password file (`initdb` looks its own name up, so a bare number would not do)."""

    name: str
    uid: int
    gid: int

    @property
    def popen_arguments(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess` that make the child this account, with no other group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"}


def choose_account(data_folder: Path) -> Account | None:
    """None when we are not root. Else the owner of an existing data folder, else `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return None
    if data_folder.exists() and (owner := data_folder.stat().st_uid) != 0:
        return _account(pwd.getpwuid(owner))
    for name in ("postgres", "nobody"):
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise LookupError("root needs an account for PostgreSQL, and there is neither 'postgres' nor 'nobody' here")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def child_arguments(account: Account | None) -> dict[str, Any]:
    """Keyword arguments for `subprocess`, for root and for everybody else."""
    return account.popen_arguments if account else {"cwd": "/"}


def make_folder(folder: Path, account: Account | None) -> None:
    """Make `folder` if it is not there, readable by its account alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)
