"""What was committed, told to connections and webhooks."""
