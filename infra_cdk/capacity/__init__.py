"""What a number of users, strategies and symbols costs, and where it meets a limit: computed from what the local stack measured."""
