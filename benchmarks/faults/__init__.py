"""The fault programme on peers: the same faults, the same receipts and the same judge for all of them."""
