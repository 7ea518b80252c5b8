"""Accepted mail: taken in with one promise, handed on by a schedule."""
