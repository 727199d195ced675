"""The processes of an installation: one module each wires its rooms together and runs until it is told to stop."""
