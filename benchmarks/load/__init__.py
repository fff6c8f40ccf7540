"""The report service under load, on aioqueue and on its peers: `python -m benchmarks.load`."""
