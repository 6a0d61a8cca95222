"""Paying without an account: find the bill, pay it, print or mail the receipt.

A guest is whoever holds the pay code of a bill, or knows an account's number and its guarantor's last
name and date of birth. How guessing, card testing and looking around are kept out is written down in
docs/decisions/0016-guest-payments.md.
"""
