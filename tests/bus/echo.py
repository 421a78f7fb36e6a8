"""A process that says each number it hears again, as another subject."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bus.subjects import ECHOES, KEY, NUMBERS
from tests.servers.keeper import ROOT
from tradeapi.bus.redis_streams import RedisBus


@contextmanager
def echo(url: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bus.echo", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
        try:
            yield process
        finally:
            process.kill()


async def main(url: str) -> None:
    said: asyncio.Queue[int] = asyncio.Queue()
    async with RedisBus(url) as bus:
        bus.follow(NUMBERS, KEY)
        await bus.ready(NUMBERS, KEY)
        with bus.subscribe(NUMBERS, said.put_nowait):
            print("ready", flush=True)  # noqa: T201
            while True:
                await bus.publish(ECHOES, KEY, await said.get())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
