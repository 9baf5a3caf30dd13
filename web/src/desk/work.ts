/** The worklist: every list of the home page with its rows, one order, and moves of several rows at once. */
import { computed, reactive } from "vue";
import type { components } from "@/generated/funds";
import { createId, Problem, request, requestAll, useRequests } from "@/common/api";
import { findKind } from "@/common/meta";
import { loadHome, today } from "./state";

export type WorkRow = components["schemas"]["WorkRow"] & { service: string; item_label: string };

export interface Verdict {
  ready: boolean;
  words: string;
  done?: boolean;
  /** Fields of the move's form that are missing or wrong. */
  fields: string[];
}

type Preview = components["schemas"]["TransitionPreview"];

export const GROUPS = ["已逾期", "今天", "本周", "以后", "没有期限"] as const;
export type Group = (typeof GROUPS)[number];

const WEEK_DAYS = 7;

export function groupOf(row: WorkRow): Group {
  if (row.late) return "已逾期";
  if (!row.due_on) return "没有期限";
  const days = (Date.parse(row.due_on) - Date.parse(today.value)) / 86_400_000;
  return days <= 0 ? "今天" : days <= WEEK_DAYS ? "本周" : "以后";
}

export const work = reactive({ rows: [] as WorkRow[], ...useRequests() });

export const groups = computed(() => GROUPS.map((name) => ({ name, rows: work.rows.filter((row) => groupOf(row) === name) })));

export function loadWork(): Promise<boolean> {
  return work.attempt(async () => {
    const home = await loadHome();
    const lists = await Promise.all(
      home.inbox.map(async (item) => {
        const rows = await requestAll<components["schemas"]["WorkRow"]>(item.rows, {}, 400);
        return rows.map((row) => ({ ...row, service: item.service, item_label: item.label }));
      }),
    );
    const rank = (row: WorkRow): string => `${row.late ? "0" : "1"} ${row.due_on ?? "9999"} ${row.since}`;
    work.rows = lists.flat().sort((a, b) => rank(a).localeCompare(rank(b)));
  });
}

/** Where a row's move is made; empty where that needs more than the row says: such a move is made on the record's page. */
export function addressOf(row: WorkRow, action: string): string {
  const address = (findKind(row.kind)?.act ?? "").replace("{id}", row.id).replace("{action}", action);
  return address.includes("{") ? "" : address;
}

/** Asks the server whether the move could be made, without making it. */
export function tryMove(row: WorkRow, action: string, body: object): Promise<Verdict> {
  return judge(async () => {
    const found = await request<Preview>("POST", addressOf(row, action), { body, query: { dry_run: true }, ifMatch: row.version });
    return tell(found.missing.map((one) => ({ message: one.detail, pointer: one.pointer ?? "" })), found.allowed);
  });
}

export function makeMove(row: WorkRow, action: string, body: object): Promise<Verdict> {
  return judge(async () => {
    await request("POST", addressOf(row, action), { body, ifMatch: row.version, idempotencyKey: createId() });
    return { ...tell([], true), done: true };
  });
}

function tell(missing: { message: string; pointer: string }[], ready = false): Verdict {
  return { ready, words: missing.map((one) => one.message).join("；"), fields: missing.map((one) => one.pointer.split("/")[1] ?? "") };
}

async function judge(ask: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return tell(error.errors.length ? error.errors : [{ message: error.detail, pointer: "" }]);
  }
}

export function countByService(): { service: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const row of work.rows) counts.set(row.service, (counts.get(row.service) ?? 0) + 1);
  return [...counts].map(([service, count]) => ({ service, count }));
}
