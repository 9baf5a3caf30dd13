/** What today looks like: posts, check-ins made on this phone or known to the server. */
import type { components } from "@/generated/attendance";
import { formatTime } from "@/common/format";
import { app, store, submit } from "./app";
import { describeFix, type Fence } from "./place";
import { createId, type Entry, listRows } from "./store";

export type Post = Omit<components["schemas"]["PostRead"], "fences"> & { fences: Fence[] };

export interface CheckIn {
  kind: string;
  time: string;
}

const CHECK_IN_PATH = "/api/v1/attendance/check-ins";
export const ARRIVAL = "OnDuty";
export const DEPARTURE = "OffDuty";

export function chinaDay(moment: Date | string = new Date()): string {
  return formatTime(moment instanceof Date ? moment.toISOString() : moment).slice(0, 10);
}

/** The posts that the person is assigned to today. */
export async function readOwnPosts(): Promise<Post[]> {
  const day = chinaDay();
  const assignments = (await listRows(store(), "assignment")).filter(
    (one) => one["person"] === app.person && String(one["starts_on"]) <= day && (!one["ends_on"] || day <= String(one["ends_on"])),
  );
  const own = new Set(assignments.map((one) => one["post_id"]));
  return (await listRows(store(), "post")).filter((one) => own.has(one.id) && !one["closed_on"]) as unknown as Post[];
}

/** Today's check-ins: those that wait on this phone and those that the server has. */
export async function readCheckIns(): Promise<CheckIn[]> {
  const day = chinaDay();
  const known = new Map<string, CheckIn>();
  const own = (await listRows(store(), "check_in")).filter((row) => row["person"] === app.person && String(row["work_date"] ?? chinaDay(String(row["taken_at"]))) === day);
  const waiting = app.entries.filter((entry) => entry.kind === "check_in" && entry.fate !== "refused" && chinaDay(entry.recordedAt) === day);
  for (const row of own) known.set(String(row.id), { kind: String(row["kind"]), time: String(row["taken_at"]) });
  for (const entry of waiting) known.set(entry.id, { kind: String(entry.body["kind"]), time: entry.recordedAt });
  return [...known.values()].sort((a, b) => a.time.localeCompare(b.time));
}

/** One tap: kept at once with time and place, sent when there is a line. */
export async function checkIn(kind: string): Promise<Entry> {
  const now = new Date();
  const id = createId(now.getTime());
  const fix = describeFix(now);
  const body = { id, kind, taken_at: now.toISOString(), ...(fix ? { fix } : {}), device: readDevice() };
  const title = kind === ARRIVAL ? "上班打卡" : "下班打卡";
  return submit({ id, kind: "check_in", title, method: "POST", path: CHECK_IN_PATH, body, recordedAt: now.toISOString() });
}

/** A name of this phone that is made here and says nothing about it. */
function readDevice(): string {
  const known = localStorage.getItem("xianjie.device") ?? createId();
  localStorage.setItem("xianjie.device", known);
  return known;
}
