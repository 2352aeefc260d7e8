"""A grammar that reads a turn by its parts: words by their types, composed into clauses; a word without a reading leaves the turn unread."""
