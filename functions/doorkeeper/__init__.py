"""Who may come in by the API's own address: the edge alone."""
