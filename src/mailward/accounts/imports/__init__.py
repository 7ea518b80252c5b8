"""The formats of password files that can be imported, one a file; `accounts/import_formats.py` finds them here."""
