"""Lets `python -m tallystick` do what the command `tallystick` does."""

from tallystick.cli import main

if __name__ == "__main__":
    main()
