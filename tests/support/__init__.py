"""What several tests build on: a world to trade in, an API to ask, programs to run, stacks to look at."""
