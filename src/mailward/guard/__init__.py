"""The one place that decides whether a login may be tried (NIST SP 800-63B-4 §3.2.2; OWASP ASVS 5.0 §6.3).

- A wrong password is answered late, each time later; a right one never is.
- A source (an IPv4 address, an IPv6 /64) that has used up its guesses is refused unheard for a time, and so is an
  account that has used up the guesses of sources it does not know.
- A source that has logged in to an account before keeps its way in to that account, whatever others guess there and
  whatever it or its neighbours behind the same address guess elsewhere. Only its own wrong passwords on that account
  end that: then it is a stranger again, and refused for a time like any other.
- The same wrong password again is answered late and counts for nothing: it is a telephone with an old password.
- An exchange that is cancelled, broken or abandoned is answered late too; after three in a row each counts against
  its source, and against no account.
- Guesses that are being checked count as used until they are not, so many connections get no more than one.
- An address outside the allowlist fails just as a wrong password does, and uses up nobody's guesses but its own.
"""
