"""MLLP by the packages `hl7` and `hl7apy`, run by a Python that has them.

mllp_hl7.py receive MODE     prints its port, then MSH-10 of each; AA, AE, AR, none, garbage, close
mllp_hl7.py strict           the same over hl7apy, which validates each message and says AA or AE
mllp_hl7.py send PORT FILE   sends a file and prints MSA-1 and MSA-2 of the answer
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


async def receive(mode: str) -> None:
    """Answer each message as told."""

    async def serve(reader: Any, writer: Any) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                print(message.segment("MSH")(10), flush=True)
                if mode == "close":
                    writer.close()
                elif mode == "garbage":
                    writer.write(b"\x0bnot hl7\x1c\r")
                elif mode != "none":
                    writer.writemessage(message.create_ack(ack_code=mode))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    start = import_module("hl7.mllp").start_hl7_server
    async with await start(serve, host="127.0.0.1", port=0, encoding="utf-8") as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def strict() -> None:
    """Validate each message, and answer AA or AE."""
    server, parser = import_module("hl7apy.mllp"), import_module("hl7apy.parser")
    level = import_module("hl7apy.consts").VALIDATION_LEVEL.STRICT

    def answer(incoming: str, code: str) -> str:
        number = incoming.split("\r")[0].split("|")[9]
        print(number, flush=True)
        return f"\x0bMSH|^~\\&|A|B|C|D|20261124||ACK|1|P|2.5.1\rMSA|{code}|{number}\r\x1c\r"

    class Results(server.AbstractHandler):  # type: ignore[misc, name-defined]
        def reply(self) -> str:
            parser.parse_message(self.incoming_message, validation_level=level).validate()
            return answer(self.incoming_message, "AA")

    class Errors(server.AbstractErrorHandler):  # type: ignore[misc, name-defined]
        def reply(self) -> str:
            return answer(self.incoming_message, "AE")

    made = server.MLLPServer("127.0.0.1", 0, {"ORU^R01^ORU_R01": (Results,), "ERR": (Errors,)})
    print(made.server_address[1], flush=True)
    made.serve_forever()


def send(port: int, path: Path) -> None:
    """Send one message."""
    client = import_module("hl7.client").MLLPClient("127.0.0.1", port)
    answer = client.send_message(path.read_bytes())
    client.close()
    msa = import_module("hl7").parse(answer.decode("utf-8").strip("\x0b\x1c\r") + "\r").segment("MSA")
    print(msa(1), msa(2), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        asyncio.run(receive(sys.argv[2]))
    elif sys.argv[1] == "strict":
        strict()
    else:
        send(int(sys.argv[2]), Path(sys.argv[3]))
