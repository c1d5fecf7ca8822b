"""Cases: what kinds there are, how they move, who may move them (design §3)."""
