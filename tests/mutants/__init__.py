"""Mutants: each rule of the ledger broken once, to see that a test notices. `make mutants` runs them."""
