"""Messages between the parts, and the queues and topics that carry them."""
