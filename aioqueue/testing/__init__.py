"""What projects that build on aioqueue use to test themselves: `conformance` for drivers."""
