/** Reads what changed since the last time: `/sync/changes`. */
import type { components } from "@/generated/sync";
import { Problem, request } from "@/common/api";
import { findKind } from "@/common/meta";
import { dropRow, keepRows, keepValue, listRows, readValue, type Row, type Store } from "./store";

type Changes = components["schemas"]["ChangePage"];

/** What a 410 carries: the cursor to go on with, and what every kind has there. */
interface Reset {
  cursor: string;
  hashes: Record<string, { count: number; digest: string }>;
}

const PATH = "/api/v1/sync/changes";

export async function readChanges(store: Store): Promise<void> {
  let cursor = await readValue(store, "cursor", "");
  let anew = "";
  for (;;) {
    let page: Changes;
    try {
      page = await request<Changes>("GET", PATH, { query: { cursor, anew } });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 410 || !cursor) throw error;
      ({ cursor, anew } = await compare(store, error.body as unknown as Reset));
      continue;
    }
    anew = "";
    for (const kind of page.anew) await keepRows(store, kind, [], true);
    for (const one of page.records) await keepRows(store, one.kind, [{ id: one.id, row: one.row as Row }]);
    for (const one of page.gone) if (findKind(one.kind)) await dropRow(store, one.kind, one.id);
    cursor = page.cursor;
    await keepValue(store, "cursor", cursor);
    if (!page.more) return;
  }
}

/** The kinds whose rows differ from the server's are sent anew; what is equal stays as it is. */
async function compare(store: Store, reset: Reset): Promise<{ cursor: string; anew: string }> {
  const differing: string[] = [];
  for (const [kind, { digest }] of Object.entries(reset.hashes)) if ((await hashRows(store, kind)) !== digest) differing.push(kind);
  return { cursor: reset.cursor, anew: differing.join(",") };
}

/** SHA-256 over the sorted lines `id:version` of what is kept of a kind. */
async function hashRows(store: Store, kind: string): Promise<string> {
  const key = findKind(kind)?.key ?? "id";
  const lines = (await listRows(store, kind)).map((row) => `${String(row[key])}:${String(row["version"] ?? 0)}\n`).sort();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("")));
  return Array.from(new Uint8Array(digest), (one) => one.toString(16).padStart(2, "0")).join("");
}
