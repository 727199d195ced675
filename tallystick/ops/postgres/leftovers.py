"""Ends what a killed run left behind: server processes that still hold a data folder.

After `kill -9` of the head, a busy backend lives on and holds the shared memory, so a new server is refused. Each
backend is a process group of its own; so they are found through /proc: working directory is the data folder, the
executable is called `postgres`. Each is ended by its pid, never by a name.
"""

import signal
from pathlib import Path

from tallystick.ops.child_process import send_signal, start_ticks, wait_until_gone


def server_processes(data_folder: Path) -> dict[int, int]:
    """Processes of a server that runs on `data_folder`, as pid → start time. Empty where there is no /proc."""
    wanted = data_folder.resolve()
    found: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            folder, program = (entry / "cwd").readlink(), (entry / "exe").readlink()
        except OSError:  # gone meanwhile, a corpse, or somebody else's
            continue
        if (
            folder != wanted or program.name.split()[0] != "postgres"
        ):  # the name is "postgres (deleted)" after an update
            continue
        if (ticks := start_ticks(int(entry.name))) is not None:
            found[int(entry.name)] = ticks
    return found


def end_leftovers(data_folder: Path) -> int:
    """Stop every leftover server process of `data_folder`; returns how many there were.

    Raises `TimeoutError` when one does not end (a process stuck in the kernel). Removes the pid file of a dead head.
    """
    living = server_processes(data_folder)
    count, head = len(living), _head(data_folder)
    if head in living:
        send_signal(head, signal.SIGINT)
        living = wait_until_gone(living, 10)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in living:
            send_signal(pid, number)
        living = wait_until_gone(living, 3) if living else living
    if living:
        raise TimeoutError(f"processes {sorted(living)} hold {data_folder} and cannot be ended")
    if Path("/proc").exists():  # elsewhere the server judges its own pid file
        (data_folder / "postmaster.pid").unlink(missing_ok=True)
    return count


def _head(data_folder: Path) -> int:
    try:
        return int((data_folder / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return -1
