"""What a domain says about its mail, in the DNS and on the web: read and judged without asking anybody."""
