"""The device's face: a local page for whoever stands at it (S2-121 to S2-131), and nothing that a web page elsewhere
could reach.

Plain HTML from the device itself, usable without script, by keyboard and by finger, in the country's languages.
"""
