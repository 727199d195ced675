"""The till in a browser (S0-020): plain HTML from the register itself, on loopback, usable without script.

By keyboard alone, by finger, and with a scanner that types: the field for codes has the focus, Enter takes the code.
"""
