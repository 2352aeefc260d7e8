"""The function that appoints and removes operators, by command of whoever may invoke it."""
