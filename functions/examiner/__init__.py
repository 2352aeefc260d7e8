"""Looks whether a restored database holds a ledger that adds up."""
