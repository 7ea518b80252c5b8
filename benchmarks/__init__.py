"""Mailward and its peers side by side, each measured in the same rounds (docs/benchmarks.md tells the method)."""
