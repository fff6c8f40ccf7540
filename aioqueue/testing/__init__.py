"""What applications and drivers test themselves with.

`plugin` gives pytest the fixtures `aioqueue_...`; `conformance` is the contract that every driver keeps; `servers`
starts Redis or Valkey.
"""
