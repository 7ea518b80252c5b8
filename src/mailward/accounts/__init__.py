"""Who may log in: names, verifiers, the password policy. Whether a login may be tried at all is `guard`'s."""
