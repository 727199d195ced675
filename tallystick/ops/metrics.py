"""Metrics that every process has, whatever it does. Rooms define their own beside the code that they measure."""

import platform

from prometheus_client import Gauge, Info

from tallystick import __version__

PROCESS = Info("tallystick_process", "Which process this is, and of which version")
READY = Gauge("tallystick_ready", "1 while the named check of this process passes, else 0", ["check"])
RESTARTS = Gauge("tallystick_child_restarts", "How often the supervisor has started a child anew", ["child"])


def describe_process(name: str) -> None:
    """Publish name and version of this process."""
    PROCESS.info({"process": name, "version": __version__, "python": platform.python_version()})
