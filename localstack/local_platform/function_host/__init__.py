"""The host of the functions on one machine: a bounded number of execution environments for each, forked from a parent that has imported."""
