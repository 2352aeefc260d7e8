"""Order updates in, ledger out."""
