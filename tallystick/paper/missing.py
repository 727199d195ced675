"""What is said when the printing packages are not installed: they are no part of what serves."""

from __future__ import annotations


class PrintingAbsent(Exception):
    """A package of requirements/print.txt cannot be imported; the message says which one and how to get it."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"printing needs the package {package}: install requirements/print.txt, for example "
            "`.venv/bin/python -m pip install --require-hashes --no-deps -r requirements/print.txt`"
        )
