"""Objections of rights holders, suspension and takedown (权益异议, R28¶3; 依职权中止开放, H27)."""
