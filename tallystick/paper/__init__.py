"""Receipts on paper: from the answer of an SDC to a PDF, or to the byte stream of a receipt printer (K-10, S0-096).

Promises: the journal stands on paper line for line, in any script that it has; both codes can be read at 203 dpi from
a roll of 58 mm. Talks to nobody and keeps nothing. typst and python-escpos are imported only when they are used.
"""
