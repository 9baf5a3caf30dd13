/** Reads what changed since the last time: `/sync/changes`. */
import { Problem, request } from "@/common/api";
import { findKind } from "@/common/meta";
import { dropRow, keepRows, keepValue, readValue, type Row, type Store } from "./store";

interface Change {
  kind: string;
  id: string;
  row: Row;
}

interface Changes {
  cursor: string;
  more: boolean;
  records: Change[];
  gone: { kind: string; id: string }[];
  /** Kinds that are sent from the beginning: what is kept of them is replaced. */
  anew: string[];
}

const PATH = "/api/v1/sync/changes";

/** False when the server has no changes. */
export async function readChanges(store: Store): Promise<boolean> {
  let cursor = await readValue(store, "cursor", "");
  for (;;) {
    let page: Changes;
    try {
      page = await request<Changes>("GET", PATH, { query: { cursor } });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 404) return false;
      if (error.status !== 410 || !cursor) throw error;
      cursor = "";
      continue;
    }
    for (const kind of page.anew) await keepRows(store, kind, [], true);
    for (const one of page.records) await keepRows(store, one.kind, [{ id: one.id, row: one.row }]);
    for (const one of page.gone) if (findKind(one.kind)) await dropRow(store, one.kind, one.id);
    cursor = page.cursor;
    await keepValue(store, "cursor", cursor);
    if (!page.more) return true;
  }
}
