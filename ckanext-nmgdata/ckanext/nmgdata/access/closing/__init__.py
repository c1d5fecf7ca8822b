"""Access of violators, closed for a time (暂时关闭权限): 内政发〔2024〕19号 Art. 50, R-SUSP."""
