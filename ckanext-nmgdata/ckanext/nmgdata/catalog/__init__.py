"""The catalogue: entries, their rules, search, pages, DCAT (内政发〔2024〕19号 Art. 10, 27)."""
