"""The only room with sockets: one set of ports, an asyncio and a blocking way through them."""
