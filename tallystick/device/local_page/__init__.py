"""What every page of a device has in common: who may use it, and headers that keep other pages out (S2-121, S0-020).

Owns nothing. The pages themselves belong to the rooms above.
"""
