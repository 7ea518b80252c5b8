"""Sending: one flow over `mailward.net.ports`, behind a blocking and an asyncio face."""
