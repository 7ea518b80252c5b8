"""Where else accounts are: PAM, LDAP, SQL, a passwd-file, an HTTP endpoint; each bounded in time and number."""
