import { afterEach, expect, it, vi } from "vitest";
import { createId, type Photo } from "./store";
import { transport } from "./transport";

afterEach(() => vi.unstubAllGlobals());

/** A tus server whose line breaks after some requests; what arrived of a PATCH before is kept. */
function serve(breaksAfter: number): { bytes: number[]; sent: number; left: number } {
  const server = { bytes: [] as number[], sent: 0, left: breaksAfter };
  vi.stubGlobal("fetch", async (path: string, options: { method: string; headers: Record<string, string>; body?: Blob }) => {
    const piece = options.body ? [...new Uint8Array(await options.body.arrayBuffer())] : [];
    server.sent += piece.length;
    if (options.method === "PATCH" && Number(options.headers["Upload-Offset"]) !== server.bytes.length) return new Response("{}", { status: 409 });
    server.left -= 1;
    if (server.left === 0) {
      server.bytes.push(...piece.slice(0, 3000));
      throw new TypeError("the line broke");
    }
    server.bytes.push(...piece);
    const status = options.method === "POST" ? 201 : 204;
    expect(path).toContain("/api/v1/uploads");
    return new Response(null, { status, headers: { "Upload-Offset": String(server.bytes.length) } });
  });
  return server;
}

it("goes on with a photo where the server has arrived", async () => {
  const content = Uint8Array.from({ length: 100_000 }, (_, place) => place % 251);
  const photo: Photo = { id: createId(), entry: "", service: "attendance", name: "井.jpg", type: "image/jpeg", bytes: content.buffer, takenAt: "", sent: false };
  const server = serve(4);
  await expect(transport.sendPhoto(photo)).rejects.toThrow();
  expect(server.bytes.length).toBe(8192 + 16384 + 3000);
  expect(await transport.sendPhoto(photo)).toBeNull();
  expect(server.bytes).toEqual([...content]);
  expect(server.sent).toBeLessThan(100_000 + 32_768);
});
