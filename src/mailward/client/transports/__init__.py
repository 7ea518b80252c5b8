"""Other ways than SMTP for a message to leave: a sendmail program, a Maildir, a pickup folder, memory."""
