"""Classes that move: the change of an open class, the periodic evaluation, the history (R29)."""
