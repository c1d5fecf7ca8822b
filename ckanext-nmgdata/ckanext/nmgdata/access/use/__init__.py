"""Duties of those who use data: reports, results, the source statement (R-USE, 内政发〔2024〕19号 Art. 33, 36)."""
