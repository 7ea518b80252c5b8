"""aiosmtplib, as its documentation uses it: one call of send()."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sys

import aiosmtplib


def main() -> None:
    task = json.load(sys.stdin)
    said = io.StringIO()
    if task["debug"]:
        logging.basicConfig(stream=said, level=logging.DEBUG)
    answer = asyncio.run(send(task))
    json.dump({**answer, "log": said.getvalue()}, sys.stdout)


async def send(task: dict) -> dict:  # type: ignore[type-arg]
    try:
        refused, _reply = await aiosmtplib.send(
            base64.b64decode(task["content"]),
            sender=task["sender"],
            recipients=task["recipients"],
            hostname=task["host"],
            port=task["port"],
            username=task["user"],
            password=task["password"],
            timeout=task["timeout"],
            cert_bundle=task["ca"],
            local_hostname="client.test",
            mail_options=["SMTPUTF8"] if any(not each.isascii() for each in task["recipients"]) else None,
        )
        return {"outcome": "sent", "refused": list(refused)}
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        return {"outcome": "error", "error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    main()
