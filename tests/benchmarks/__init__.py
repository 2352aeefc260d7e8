"""Benchmarks: every figure with its ratio to a peer or a floor measured in the same run."""
