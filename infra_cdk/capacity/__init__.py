"""The cost of a number of users, strategies and symbols, and the limits it meets: computed from what the local stack
measured."""
