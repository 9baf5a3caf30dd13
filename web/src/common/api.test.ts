import { afterEach, expect, it, vi } from "vitest";
import { fetchPatiently } from "./api";

afterEach(() => vi.unstubAllGlobals());

function serve(...answers: [status: number, pause?: string][]): () => number {
  let asked = 0;
  vi.stubGlobal("fetch", () => {
    const [status, pause] = answers[Math.min(asked, answers.length - 1)] ?? [200];
    asked += 1;
    return Promise.resolve(new Response("{}", { status, headers: pause ? { "Retry-After": pause } : {} }));
  });
  return () => asked;
}

it("asks a busy server again after the wait that it names", async () => {
  const asked = serve([503, "0.01"], [503, "0.01"], [200]);
  expect((await fetchPatiently("/x", {})).status).toBe(200);
  expect(asked()).toBe(3);
});

it("says at once that a service is away for long, and gives up in the end", async () => {
  const away = serve([503, "30"]);
  expect((await fetchPatiently("/x", {})).status).toBe(503);
  expect(away()).toBe(1);
  const busy = serve([503, "0.01"]);
  expect((await fetchPatiently("/x", {})).status).toBe(503);
  expect(busy()).toBe(4);
});
