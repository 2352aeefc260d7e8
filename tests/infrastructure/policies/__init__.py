"""Who may do what: the policies of a whole deployment, read from its templates and decided by an engine that knows AWS's rules."""
