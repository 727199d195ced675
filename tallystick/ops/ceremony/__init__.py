"""The key ceremony: a script that people follow, what each step does, and the written record of it.

`script` says the steps, `record` keeps what was done as a chain of lines, `conduct` leads through them, `making` does
what touches keys. Who is present, what was shown and ticked stands in the record; a secret never does.
"""
