"""The one place that decides whether a login may be tried (NIST SP 800-63B-4 §3.2.2; OWASP ASVS 5.0 §6.3).

- A wrong password is answered late, each time later; a right one never is.
- A source (an IPv4 address, an IPv6 /64) that has used up its guesses of an hour is refused unheard for a time, each
  time longer. So are, without a ban, the networks around it (/26 and /21, /48 and /32) that used up theirs together.
- All sources that an account does not know have ten distinct wrong passwords there in any 24 hours, together; then the
  account is closed to them until the oldest is a day old. To the sources it knows it is open all the while.
- A source that has logged in to an account before keeps its way in to that account for 30 days, whatever others guess
  there and whatever it or its neighbours behind the same address guess elsewhere. Only its own wrong passwords on that
  account end that: then it is a stranger again; and refused for a time like any other, unless others share it.
- A source that several accounts log in from has one failure more for each further one, and pays for no network.
- The same wrong password again is answered late and counts for nothing: it is a telephone with an old password. Nor
  does a password that the account had before.
- A password that was wrong on five accounts within a day is being sprayed: from strangers it is not looked at. While
  very many accounts are guessed at, a stranger has one wrong password.
- An exchange that is cancelled, broken or abandoned is answered late too; after three in a row each counts against
  its source, and against no account.
- Guesses that are being checked count as used until they are not, so many connections get no more than one, on however
  many workers; those of a worker that died are free after a minute or two.
- Proxies, and networks that the operator names (`never_ban`), are never refused for what comes from them; the
  accounts' budgets hold.
- An address outside the allowlist fails just as a wrong password does, and uses up nobody's guesses but its own.

All that is remembered lies in one file of fixed size that every worker maps (`state`). The book of bans is the
operator's view of it: a line he takes out is forgotten in the state at the next login, one that he puts in holds for
everybody, and if the state is lost the lines of the guard still hold.
"""
