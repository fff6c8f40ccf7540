"""What signing could forget."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_TESTS: Final = (
    "tests/security/test_forged_jobs.py tests/security/test_forged_results.py tests/security/test_serializers.py",
)

SEAL: Final = (
    Mutant(
        "seal-signature",
        "seal.py",
        "if not hmac.compare_digest(sealed[_HEAD - _SIGNATURE : _HEAD], _signature(secret, belongs_to, body)):",
        "if False:",
        "to check a signature",
        _TESTS,
    ),
    Mutant(
        "seal-required",
        "seal.py",
        '            raise Untrusted("it is not signed")\n',
        "            return sealed\n",
        "to refuse what is not signed at all",
        _TESTS,
    ),
    Mutant(
        "seal-place",
        "seal.py",
        "parts = [_MARK, *(part.encode() for part in belongs_to), body]",
        "parts = [_MARK, body]",
        "to bind a signature to the place of what it signs",
        _TESTS,
    ),
    Mutant(
        "seal-old-keys",
        "seal.py",
        "self._by_id: Mapping[bytes, bytes] = {_id_of(secret): secret for secret in secrets}",
        "self._by_id: Mapping[bytes, bytes] = {_id_of(secret): secret for secret in secrets[:1]}",
        "that a key which signs no more still verifies",
        _TESTS,
    ),
)
