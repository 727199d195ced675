"""What others can hold against us: cosignatures of witnesses, checkpoints that came back, seals of days."""
