"""Ours, as our README uses it; `sync` or `async` is the first argument."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sys
from typing import Any

import mailward


def main() -> None:
    task = json.load(sys.stdin)
    said = io.StringIO()
    options: dict[str, Any] = {"auth": (task["user"], task["password"]), "ca": task["ca"], "timeout": task["timeout"]}
    options["memory"] = False
    if task["debug"]:
        logging.basicConfig(stream=said, level=logging.DEBUG)
        options["log"] = logging.getLogger("smtp")
    mail = {"sender": task["sender"], "recipients": task["recipients"]}
    content = base64.b64decode(task["content"])
    answer = (
        send(task, options, content, mail)
        if sys.argv[1] == "sync"
        else asyncio.run(send_async(task, options, content, mail))
    )
    json.dump({**answer, "log": said.getvalue()}, sys.stdout)


def send(task: dict[str, Any], options: dict[str, Any], content: bytes, mail: dict[str, Any]) -> dict[str, Any]:
    try:
        with mailward.Client(task["host"], task["port"], **options) as client:
            return _told(client.send(content, **mail))
    except mailward.MailwardError as error:
        return _failed(error)


async def send_async(
    task: dict[str, Any], options: dict[str, Any], content: bytes, mail: dict[str, Any]
) -> dict[str, Any]:
    try:
        async with mailward.AsyncClient(task["host"], task["port"], **options) as client:
            return _told(await client.send(content, **mail))
    except mailward.MailwardError as error:
        return _failed(error)


def _told(receipt: mailward.Receipt) -> dict[str, Any]:
    refused = [result.address for result in receipt.recipients if not result.accepted]
    return {"outcome": "sent", "refused": refused, "receipt": receipt.outcome.value}


def _failed(error: mailward.MailwardError) -> dict[str, Any]:
    return {"outcome": "error", "error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    main()
