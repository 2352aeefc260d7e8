"""The endpoints of orders that people place."""
