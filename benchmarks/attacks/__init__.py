"""The attack simulator: seeded days of attacks and honest logins, against our guard and against what others do."""
