/** The fate of an item in words: what happened, and what the person does now. */
import { findLifecycle, labelState } from "@/common/meta";
import { formatTime } from "@/common/format";
import type { Body, Entry } from "./store";

export interface FateWords {
  tone: "todo" | "run" | "ok" | "warn" | "bad";
  word: string;
  sentence: string;
}

export type Group = "look" | "wait" | "done";

export function groupOf(entry: Entry): Group {
  if (entry.fate === "refused" || entry.fate === "conflict") return "look";
  return entry.fate === "waiting" ? "wait" : "done";
}

export function describeFate(entry: Entry, entries: Entry[], online: boolean, unsent: number): FateWords {
  if (entry.fate === "waiting") return describeWaiting(entry, entries, online, unsent);
  if (entry.fate === "refused") return { tone: "bad", word: "没有收下", sentence: sayRefusal(entry) };
  if (entry.fate === "conflict") return { tone: "warn", word: "别人先改了", sentence: `${sayRefusal(entry)} 请对比后选一个。` };
  if (entry.fate === "held") {
    const until = entry.heldUntil ? `最多等到${spellDay(entry.heldUntil)}。` : "";
    return { tone: "todo", word: "已收下，等另一件", sentence: `${sayRefusal(entry)}${until}` };
  }
  return describeAnswer(entry);
}

function describeWaiting(entry: Entry, entries: Entry[], online: boolean, unsent: number): FateWords {
  const before = entries.find((one) => entry.after.includes(one.id) && one.fate !== "applied" && one.fate !== "duplicate");
  if (before) return { tone: "todo", word: "排在后面", sentence: `要先办好“${before.title}”。` };
  if (unsent > 0) {
    const sent = entry.photos.length - unsent;
    const next = sent > 0 ? `已传${String(sent)}张，断了从第${String(sent + 1)}张接着传。` : "先传照片，再发文字。";
    return { tone: "run", word: online ? "正在传照片" : "等网络", sentence: `照片${String(entry.photos.length)}张，${next}` };
  }
  if (entry.sends > 0) return { tone: "run", word: "等答复", sentence: "发过，还没有收到答复。会再发，系统认得是同一件，不会记两次。" };
  const time = formatTime(entry.recordedAt).slice(11);
  return { tone: "todo", word: online ? "排队发送" : "等网络", sentence: `有网后自动发送，以${time}记下的为准。` };
}

function describeAnswer(entry: Entry): FateWords {
  const answer = (firstItem(entry.answer) ?? entry.answer ?? {}) as Body;
  const words = typeof answer["words"] === "string" ? answer["words"] : "";
  const judged = answer["result"] ?? answer["taken"];
  if (judged === "refused" || judged === "invalid") return { tone: "bad", word: "没有收下", sentence: words };
  const twice = entry.fate === "duplicate" || entry.sends > 1 ? "（发了两次，只记一次）" : "";
  if (judged === "held") return { tone: "warn", word: `已记录，待复核${twice}`, sentence: words };
  const state = typeof answer["state"] === "string" ? answer["state"] : "";
  const moves = findLifecycle(entry.kind)?.actions.some((one) => one.sources.includes(state)) ?? false;
  if (state && moves) return { tone: "warn", word: `已收下，等人办${twice}`, sentence: words || `现在：${labelState(entry.kind, state)}。` };
  return { tone: "ok", word: `已记录${twice}`, sentence: words || (state ? `现在：${labelState(entry.kind, state)}。` : "") };
}

function firstItem(answer: Body | undefined): Body | undefined {
  const items = answer?.["items"];
  return Array.isArray(items) ? (items[0] as Body) : undefined;
}

function sayRefusal(entry: Entry): string {
  const refusal = entry.refusal;
  if (!refusal) return "";
  const fields = refusal.errors.map((one) => one.message).join("；");
  const words = fields && !refusal.detail.includes(fields) ? `${refusal.detail} ${fields}` : refusal.detail;
  return (words || refusal.title).trim().replace(/[。.]?$/, "。");
}

export function spellDay(value: string): string {
  const [, month, day] = formatTime(value).slice(0, 10).split("-");
  return `${String(Number(month))}月${String(Number(day))}日`;
}

export function spellMoment(value: string, today: string): string {
  const text = formatTime(value);
  return text.slice(0, 10) === today ? text.slice(11) : spellDay(value);
}
