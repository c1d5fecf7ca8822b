"""Working days, the statutory numbers, and the ledger of what is due (R-PLAT-06, R-PLAT-07)."""
