"""What runs in a process of its own, so that its CPU is its own: a server to compare with, and the loads."""
