"""What every feature stands on: unit of work, audit, deadlines, workflow, gate.

Imports go ``audit ← deadlines ← workflow`` and ``audit ← gate``; features import the kernel, the
kernel imports no feature, and a feature imports no other feature (tests/test_architecture.py).
"""
