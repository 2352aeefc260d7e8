"""The whole trading path in one process, from one seed, by a simulated clock."""
