"""The one append-only truth: bodies, records, five sequences and a Merkle log with signed checkpoints.

Promises that nothing which was answered is ever lost, changed or hidden without at least two of the sequences showing
it (S0-004, S0-040, S0-041). Owns the schema ``ledger``, the mirror files and the tiles. The only way in is the
sequencer: ``client.SequencerClient`` from another process, ``sequencer.run_sequencer`` to be it.
"""
