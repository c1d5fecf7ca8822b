"""Duties of who uses data: reports, results, the source statement: 内政发〔2024〕19号 Art. 33, 36, R-USE."""
