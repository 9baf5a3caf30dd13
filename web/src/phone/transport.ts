/** How items and photos reach the server: batches, or one by one where the server has no batches. */
import { Problem, request } from "@/common/api";
import { session } from "@/common/session";
import type { Transport, Verdict } from "./queue";
import { type Body, describeRefusal, type Entry, type Photo, type Refusal } from "./store";

interface BatchResult {
  id: string;
  verdict: Verdict["verdict"];
  status: number;
  body?: Body | null;
  current?: Body | null;
  held_until?: string | null;
  reason_label?: string;
  problem?: { title?: string; detail?: string; errors?: { pointer?: string; detail: string }[] } | null;
}

const BATCH_PATH = "/api/v1/sync/batch";
/** A photo of 300 KB needs two minutes at 20 kbit/s. */
const SLOW_LINE_MS = 10 * 60_000;
let hasBatches = true;

export const transport: Transport = {
  person: () => session.me?.id ?? "",
  async sendItems(items) {
    if (!hasBatches) return sendEach(items);
    try {
      const body = { sent_at: new Date().toISOString(), items: items.map(writeItem) };
      const answer = await request<{ results: BatchResult[] }>("POST", BATCH_PATH, { body, timeout: SLOW_LINE_MS });
      return answer.results.map(readResult);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      hasBatches = false;
      return sendEach(items);
    }
  },
  sendPhoto,
};

function writeItem(entry: Entry): Body {
  const item = { id: entry.id, method: entry.method, path: entry.path, body: entry.body };
  const match = entry.ifMatch === undefined ? {} : { if_match: `"${String(entry.ifMatch)}"` };
  return { ...item, ...match, recorded_at: entry.recordedAt, recorded_by: entry.recordedBy, after: entry.after };
}

function readResult(result: BatchResult): Verdict {
  const problem = result.problem ?? (result.reason_label ? { title: result.reason_label } : null);
  const errors = (problem?.errors ?? []).map((one) => ({ pointer: one.pointer ?? "", message: one.detail }));
  const refusal = problem ? { title: problem.title ?? "", detail: problem.detail ?? "", errors } : undefined;
  const { id, verdict, status } = result;
  const found: Verdict = { id, verdict, status, refusal, heldUntil: result.held_until ?? undefined };
  return { ...found, body: result.body ?? undefined, current: result.current ?? undefined };
}

async function sendEach(items: Entry[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const entry of items) {
    try {
      const options = { body: entry.body, ifMatch: entry.ifMatch, idempotencyKey: entry.id };
      const body = await request<Body>(entry.method, entry.path, options);
      verdicts.push({ id: entry.id, verdict: entry.sends > 1 ? "duplicate" : "applied", status: 200, body });
    } catch (error) {
      const again = !(error instanceof Problem) || error.status >= 500 || ["offline", "unavailable", "signed-out"].includes(error.kind);
      if (again && verdicts.length === 0) throw error;
      if (again) return verdicts;
      const verdict = error.kind === "stale" ? "conflict" : "refused";
      verdicts.push({ id: entry.id, verdict, status: error.status, refusal: describeRefusal(error) });
    }
  }
  return verdicts;
}

async function sendPhoto(photo: Photo): Promise<Refusal | null> {
  const path = `/api/v1/${photo.service}/files`;
  const content = new Blob([photo.bytes], { type: photo.type });
  try {
    await request("POST", path, { query: { name: photo.name, id: photo.id }, body: content, timeout: SLOW_LINE_MS });
    return null;
  } catch (error) {
    if (error instanceof Problem && ["refused", "forbidden", "missing"].includes(error.kind)) return describeRefusal(error);
    throw error;
  }
}
