"""A caller who sends trades, and sees how a server that can not take them says so."""

import time

import httpx2

from tests.hostile.serving import Server, eventually

SYMBOL = "CRYPTO:ASKED"


class Asking:
    """Each trade is of size 1; one that was refused is sent again as it was."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._taken = 0
        server.put(f"/symbols/{SYMBOL}")

    def trade(self) -> httpx2.Response:
        tick = {"symbol": SYMBOL, "price": 1, "size": 1, "id": str(self._taken)}
        answer = self._server.client.post("/api/v1/ticks", json=[{**tick, "time": time.time()}])
        if answer.is_success:
            self._taken += 1
        else:
            assert_sorry(answer)
        return answer

    def until_refused(self) -> httpx2.Response:
        for _ in range(10_000):
            if not (answer := self.trade()).is_success:
                return answer
        raise AssertionError("Nothing was refused.")

    def until_taken(self) -> None:
        for _ in eventually(30):
            if self.trade().is_success:
                break

    def read(self) -> httpx2.Response:
        return self._server.client.get(f"/api/v1/bars/{SYMBOL}?resolution=1d")

    def assert_all_is_there(self) -> None:
        """Each that was taken, once."""
        assert sum(self.read().raise_for_status().json()["volume"]) == self._taken


def assert_sorry(answer: httpx2.Response) -> None:
    """A problem that says when to come back."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
