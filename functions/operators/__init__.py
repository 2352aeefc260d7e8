"""Who is an operator, by command of whoever may invoke this."""
