"""The goals of docs/benchmarks.md, a module each."""
