"""Every night: the ledger recomputed from what happened."""
