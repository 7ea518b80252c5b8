"""The password schemes, one a file; `accounts/verifiers.py` finds them here."""
