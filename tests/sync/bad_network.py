"""A bad line: requests lost, answers lost after the commit, requests doubled, reordered and cut, by a seed."""

import asyncio
from random import Random

import httpx

FAULTS = {"none": 50, "lost": 10, "unanswered": 14, "doubled": 10, "late": 8, "cut": 8}
"""What happens to a request, and how often."""


class BadNetwork(httpx.AsyncBaseTransport):
    """The way from one phone to the door."""

    def __init__(self, inner: httpx.AsyncBaseTransport, random: Random) -> None:
        self.inner = inner
        self.random = random
        self.faults = dict(FAULTS)
        self.count = dict.fromkeys(FAULTS, 0)
        self._late: list[httpx.Request] = []

    def heal(self) -> None:
        """From now on every request arrives once and is answered."""
        self.faults = {"none": 1}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        (fault,) = self.random.choices([*self.faults], [*self.faults.values()])
        self.count[fault] += 1
        late, self._late = self._late, []
        try:
            return await self._carry(request, fault)
        finally:
            for one in late:  # an older request arrives after a newer one
                await self._send(one)

    async def _carry(self, request: httpx.Request, fault: str) -> httpx.Response:
        content = await request.aread()
        match fault:
            case "none":
                return await self._send(request)
            case "doubled":
                first, _ = await asyncio.gather(self._send(request), self._send(_copy(request, content)))
                return first
            case "unanswered":
                await self._send(request)
            case "cut":
                await self._send(_copy(request, content[: len(content) // 2]))
            case "late":
                self._late.append(_copy(request, content))
            case _:
                pass
        raise httpx.ReadError("the line is gone", request=request)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        await answer.aread()
        return answer


def _copy(request: httpx.Request, content: bytes) -> httpx.Request:
    kept = [(name, value) for name, value in request.headers.items() if name != "content-length"]
    return httpx.Request(request.method, request.url, headers=kept, content=content)
