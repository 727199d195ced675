"""What is carried by hand: upload of packages, audit requests and results, download of commands (S2-099 to S2-102).

For a taxpayer's users, whose cards are those of their taxpayers, and for officers, who may hand in for any card.
"""
