"""The yearly open plan (年度公共数据开放计划, R26)."""
