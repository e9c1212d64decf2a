"""Benchmarks: the same work here and in PyTorch, each engine in its own process, in turn (`python -m benchmarks`)."""
