/** How items and photos reach the server. */
import type { components } from "@/generated/sync";
import { Problem, request, send } from "@/common/api";
import { session } from "@/common/session";
import type { Transport, Verdict } from "./queue";
import { type Body, describeRefusal, type Entry, type Photo, type Refusal } from "./store";

type Result = components["schemas"]["SyncItemResult"];

const BATCH_PATH = "/api/v1/sync/batch";
/** 256 KB need two minutes at 20 kbit/s. */
const SLOW_LINE_MS = 10 * 60_000;

export const transport: Transport = {
  person: () => session.me?.id ?? "",
  async sendItems(items) {
    const body = { sent_at: new Date().toISOString(), items: items.map(writeItem) };
    const answer = await request<{ results: Result[] }>("POST", BATCH_PATH, { body, timeout: SLOW_LINE_MS });
    return answer.results.map(readResult);
  },
  sendPhoto,
};

function writeItem(entry: Entry): Body {
  const item = { id: entry.id, method: entry.method, path: entry.path, body: entry.body };
  const match = entry.ifMatch === undefined ? {} : { if_match: `"${String(entry.ifMatch)}"` };
  return { ...item, ...match, recorded_at: entry.recordedAt, recorded_by: entry.recordedBy, after: entry.after };
}

function readResult(result: Result): Verdict {
  const { id, verdict, status, held_until: until, reason_label: title } = result;
  const problem = result.problem ?? (title ? { title } : null);
  const refusal = problem ? describeRefusal(new Problem(status, problem)) : undefined;
  return { id, verdict, status, refusal, heldUntil: until ?? undefined, body: (result.body ?? undefined) as Body | undefined, current: (result.current ?? undefined) as Body | undefined };
}

const TUS = { "Tus-Resumable": "1.0.0" };
const FIRST_CHUNK = 8 * 1024;
const MAX_CHUNK = 256 * 1024;

/** Sends a photo in pieces (tus 1.0): after a cut the next try goes on where the server has arrived. */
async function sendPhoto(photo: Photo): Promise<Refusal | null> {
  try {
    const length = photo.bytes.byteLength;
    const metadata = { filename: photo.name, filetype: photo.type, id: photo.id };
    const announced = Object.entries(metadata).map(([key, value]) => `${key} ${encodeBase64(value)}`);
    const headers = { ...TUS, "Upload-Length": String(length), "Upload-Metadata": announced.join(",") };
    const created = await send("POST", "/api/v1/uploads", { headers, timeout: SLOW_LINE_MS });
    const address = `/api/v1/uploads/${photo.id}`;
    let offset = Number(created.headers.get("Upload-Offset"));
    let chunk = FIRST_CHUNK;
    while (offset < length) {
      const end = Math.min(offset + chunk, length);
      const piece = { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
      await send("PATCH", address, { headers: piece, body: new Blob([photo.bytes.slice(offset, end)]), timeout: SLOW_LINE_MS });
      offset = end;
      chunk = Math.min(chunk * 2, MAX_CHUNK);
    }
    return null;
  } catch (error) {
    // 409: another request of this phone moved the upload on; the next try asks where it stands.
    const again = error instanceof Problem && (error.status === 409 || error.status === 410);
    if (error instanceof Problem && !again && ["refused", "forbidden", "missing"].includes(error.kind)) return describeRefusal(error);
    throw error;
  }
}

function encodeBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
