"""Conditional-access applications (有条件开放申请): 内政发〔2024〕19号 Art. 28 ¶2, R-COND."""
