"""What clients.c does, for where there is no C compiler: dearer, but by the same arguments."""

import json
import os
import selectors
import struct
import sys
import time
from array import array
from contextlib import suppress
from functools import partial
from pathlib import Path
from socket import SOCK_NONBLOCK, SOCK_STREAM, socket

READ_BYTES = 1 << 18
TEXT, CLOSE, PING = 1, 8, 9
UPDATE, STAMP = b'{"type":"quote"', b'"last":'
BEGINS = b'{"type":"snapshot"', b'{"type":"resumed"'
ERROR = b'{"type":"error"'
ACK, ALL = b'{"type":"ack"', b'"rejected":[]'


class Crowd:
    def __init__(self, address: tuple[str, int], script: bytes, samples: Path) -> None:
        self.selector = selectors.DefaultSelector()
        self.fresh, count = struct.unpack_from("=QI", script)
        self.now = 0
        self.gone = self.ready = 0
        self._samples = samples
        self._begun = time.monotonic()
        self._forget()
        self._count = count
        place = struct.calcsize("=QI")
        for _ in range(count):
            waits_for, handshake, says = struct.unpack_from("=III", script, place)
            place += struct.calcsize("=III")
            end = place + handshake
            Client(self, address, waits_for, script[place:end], script[end : end + says])
            place = end + says

    def _forget(self) -> None:
        self.updates = self.bytes = self.errors = 0
        self.samples = array("q")

    def run(self) -> None:
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._report)
        while True:
            for key, _ in self.selector.select():
                key.data()

    def _report(self) -> None:
        if not os.read(0, 64):
            sys.exit()
        self._samples.write_bytes(self.samples.tobytes())
        names = "updates", "bytes", "errors", "ready", "gone"
        print(json.dumps({name: getattr(self, name) for name in names}), flush=True)
        self._forget()

    def tell_when_ready(self) -> None:
        if self.ready + self.gone == self._count:
            print(f"ready {time.monotonic() - self._begun:.6f}", flush=True)


class Client:
    def __init__(
        self,
        crowd: Crowd,
        address: tuple[str, int],
        waits_for: int,
        handshake: bytes,
        says: bytes,
    ) -> None:
        self._crowd = crowd
        self._waits_for = waits_for
        self._says = says
        self._rest = b""
        self._is_open = False
        self._socket = socket(type=SOCK_STREAM | SOCK_NONBLOCK)
        self._socket.connect_ex(address)
        crowd.selector.register(
            self._socket, selectors.EVENT_WRITE, partial(self._shake_hands, handshake)
        )

    def _shake_hands(self, handshake: bytes) -> None:
        self._crowd.selector.modify(self._socket, selectors.EVENT_READ, self._receive)
        self._say(handshake)

    def _say(self, text: bytes) -> None:
        try:
            self._socket.send(text)
        except OSError:
            self._leave()

    def _leave(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._crowd.selector.unregister(self._socket)
        self._socket.close()
        if self._waits_for:
            self._crowd.gone += 1
            self._crowd.tell_when_ready()
        else:
            self._crowd.errors += 1

    def _get_closer(self) -> None:
        if self._waits_for:
            self._waits_for -= 1
            if not self._waits_for:
                self._crowd.ready += 1
                self._crowd.tell_when_ready()

    def _receive(self) -> None:
        got = b""
        with suppress(OSError):
            got = self._socket.recv(READ_BYTES)
        if not got:
            self._leave()
            return
        self._crowd.now = time.monotonic_ns() // 1000
        self._crowd.bytes += len(got)
        data = self._rest + got
        self._rest = data[self._read(data) :]

    def _read(self, data: bytes) -> int:
        """How many bytes need not be read again."""
        done = 0
        if not self._is_open:
            head, end, _ = data.partition(b"\r\n\r\n")
            if not end:
                return 0
            if not head.startswith(b"HTTP/1.1 101"):
                self._leave()
                return len(data)
            done = len(head) + len(end)
            self._is_open = True
            if self._says:
                self._say(self._says)
            elif self._waits_for == 1:
                self._get_closer()
        return self._read_frames(data, done)

    def _read_frames(self, data: bytes, done: int) -> int:
        length = len(data)
        while length - done >= 2:
            start, payload = done + 2, data[done + 1]
            if payload >= 126:
                start += 2 if payload == 126 else 8
                if length < start:
                    break
                payload = int.from_bytes(data[done + 2 : start])
            if length < start + payload:
                break
            opcode = data[done] & 15
            done = start + payload
            if opcode == TEXT:
                self._take(data, start, done)
            elif opcode == PING:
                # The mask is zeros.
                self._say(bytes([0x8A, 0x80 | payload, 0, 0, 0, 0]) + data[start:done])
            elif opcode == CLOSE:
                self._leave()
                return length
        return done

    def _take(self, data: bytes, start: int, end: int) -> None:
        crowd = self._crowd
        is_update = data.startswith(UPDATE, start)
        is_begin = not is_update and data.startswith(BEGINS, start)
        if is_update or (is_begin and crowd.fresh):
            stamp = _stamp(data, start, end)
            if is_update:
                crowd.updates += 1
                crowd.samples.extend((stamp, crowd.now))
            if 0 < crowd.fresh <= stamp:
                self._get_closer()
        elif is_begin:
            self._get_closer()
        elif data.startswith(ERROR, start) or (
            data.startswith(ACK, start) and data.find(ALL, start, end) < 0
        ):
            if not crowd.errors:
                print(data[start:end].decode(), file=sys.stderr)
            crowd.errors += 1
            self._leave()


def _stamp(data: bytes, start: int, end: int) -> int:
    place = data.find(STAMP, start, end)
    if place < 0:
        return 0
    digits, _, _ = data[place + len(STAMP) : place + len(STAMP) + 20].partition(b".")
    digits, _, _ = digits.partition(b",")
    return int(digits) if digits.isdigit() else 0


if __name__ == "__main__":
    host, port, script, samples = sys.argv[1:]
    Crowd((host, int(port)), Path(script).read_bytes(), Path(samples)).run()
