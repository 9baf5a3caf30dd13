/** One record: its facts in sections, stages, what can be done, what happened, and what belongs to it. */
import { computed, reactive } from "vue";
import type { components } from "@/generated/gateway";
import { request, useRequests, type Page } from "@/common/api";
import { findKind, findLifecycle, labelState, listActions, listCodes, loadForms, type Column, type Kind, type KindForms } from "@/common/meta";
import { formatMoney, formatTime } from "@/common/format";
import { desk, nameAccount } from "./state";
import { writeValue, type Row } from "@/common/values";

type ThreadStep = components["schemas"]["ThreadStep"];
export type Fact = KindForms["facts"][number];
type Act = KindForms["acts"][number];

/** Rows of a record: a list that it carries, or a part that stands at an address of its own. */
export interface Table {
  name: string;
  label: string;
  fields: Column[];
  rows: Row[];
  acts: { act: Act; at: number }[];
}

export interface HistoryRow {
  at: string;
  who: string;
  what: string;
  more: string;
}

interface EventRow {
  type: string;
  actor: string;
  reason: string;
  at?: string;
  recorded_at: string;
  before: Row;
  after: Row;
}

const TEXT_IS_LONG = 40;
const CHILD_ROWS = 20;
const FUND_SERVICES = new Set(["projects", "funds", "assets"]);

export function useRecord(name: string, id: string) {
  const kind = findKind(name);
  const state = reactive({
    row: null as Row | null,
    forms: null as KindForms | null,
    events: [] as EventRow[],
    parts: new Map<string, Row[]>(),
    children: [] as { kind: Kind; rows: Row[]; field: string; more: boolean }[],
    steps: [] as ThreadStep[],
  });
  const { problem, attempt } = useRequests();

  async function load(): Promise<void> {
    if (!kind) return;
    await attempt(async () => {
      [state.row, state.forms] = await Promise.all([request<Row>("GET", kind.detail.replace("{id}", id)), loadForms(name)]);
      void loadAround();
    });
  }

  /** What stands around the record; a part that cannot be had is left out. */
  async function loadAround(): Promise<void> {
    if (!kind) return;
    await Promise.all([
      loadEvents(kind),
      ...kind.children.map((child) => loadChildren(child)),
      ...(state.forms?.parts ?? []).map((part) => loadPart(part)),
      FUND_SERVICES.has(kind.service) ? loadSteps() : undefined,
    ]);
  }

  async function loadEvents(own: Kind): Promise<void> {
    if (!own.history) return;
    const found = await request<EventRow[] | { items: EventRow[] }>("GET", own.history.replace("{id}", id)).catch(() => []);
    const when = (one: EventRow): string => one.at ?? one.recorded_at;
    state.events = [...(Array.isArray(found) ? found : found.items)].sort((a, b) => when(b).localeCompare(when(a)));
  }

  async function loadChildren(childName: string): Promise<void> {
    const child = findKind(childName);
    const field = Object.entries(child?.parents ?? {}).find(([, parent]) => parent === name)?.[0];
    if (!child || !field) return;
    const inPath = child.address.includes(`{${field}}`);
    if (!inPath && !child.filters.some((one) => one.name === field)) return;
    const address = child.address.replace(`{${field}}`, id);
    const page = await request<Page<Row>>("GET", address, { query: { limit: CHILD_ROWS, ...(inPath ? {} : { [field]: id }) } }).catch(() => null);
    if (page?.items.length) state.children.push({ kind: child, rows: page.items, field, more: page.next_cursor !== null });
  }

  async function loadPart(part: KindForms["parts"][number]): Promise<void> {
    const found = await request<unknown>("GET", fillAddress(part.address, id, state.row)).catch(() => null);
    const rows = Array.isArray(found) ? found : (found as Row | null)?.[part.inside || "items"];
    state.parts.set(part.name, (rows ?? []) as Row[]);
  }

  async function loadSteps(): Promise<void> {
    const found = await request<{ steps: ThreadStep[] }>("GET", `/api/v1/threads/${name}/${id}`).catch(() => null);
    state.steps = found?.steps ?? [];
  }

  const title = computed(() => String(state.row?.[kind?.title ?? ""] ?? kind?.label ?? ""));
  const history = computed(() => state.events.map((one) => tell(one, name, state.forms)));
  const actions = computed(() => listActions(name, state.row));
  const tables = computed(() => listTables(state.row, state.forms, state.parts));
  const acts = computed(() => listActs(state.row, state.forms).filter(({ act }) => !variableOf(act, state.row)));
  const stages = computed(() => listStages(name, state.row, state.events));

  return { kind, state, problem, title, history, actions, acts, tables, stages, load };
}

/** An address with its variables filled from the record, and from one of its rows. */
export function fillAddress(address: string, id: string, row: Row | null, part = ""): string {
  return address.replace(/\{([a-z_]+)\}/g, (_, name: string) => (name === "id" ? id : String(row?.[name] ?? part)));
}

/** The variable of an act that names one of the record's rows, such as objection_id; empty for an act with the record itself. */
function variableOf(act: Act, row: Row | null): string {
  const names = [...act.address.matchAll(/\{([a-z_]+)\}/g)].map((one) => one[1] ?? "");
  return names.find((name) => name !== "id" && row?.[name] === undefined) ?? "";
}

function listActs(row: Row | null, forms: KindForms | null): { act: Act; at: number }[] {
  const here = String(row?.["state"] ?? "");
  return (forms?.acts ?? []).map((act, at) => ({ act, at })).filter(({ act }) => !act.states.length || act.states.includes(here));
}

function listTables(row: Row | null, forms: KindForms | null, parts: Map<string, Row[]>): Table[] {
  if (!row || !forms) return [];
  const own = forms.facts.filter((one) => isTable(one, row[one.name]) && one.type !== "files").map((one) => ({ ...one, fields: one.fields ?? [], rows: row[one.name] as Row[] }));
  const beside = forms.parts.map((one) => ({ ...one, rows: parts.get(one.name) ?? [] })).filter((one) => one.rows.length);
  const acts = listActs(row, forms);
  return [...own, ...beside].map(({ name, label, fields, rows }) => ({
    name, label, fields, rows, acts: acts.filter(({ act }) => variableOf(act, row) === `${name.replace(/s$/, "")}_id`),
  }));
}

export interface Stage {
  code: string;
  label: string;
  on: string;
  place: "done" | "now" | "";
}

/** The stages of a lifecycle with the day each was reached; a kind without stages shows the states of its main way. */
function listStages(name: string, row: Row | null, events: EventRow[]): Stage[] {
  const life = findLifecycle(name);
  if (!life || !row) return [];
  const stageOf = (state: string): string => life.states.find((one) => one.state === state)?.stage || "";
  const here = String(row["state"] ?? "");
  const byStage = life.stages.length > 0;
  const codes = byStage ? life.stages.map((one) => ({ code: one.code, label: one.label })) : mainWay(name).map((code) => ({ code, label: labelState(name, code) }));
  const reached = new Map<string, string>();
  for (const one of [...events].reverse()) {
    const now = String(one.after["now"] ?? one.after["state"] ?? "");
    if (now) reached.set(byStage ? stageOf(now) : now, formatTime(one.at ?? one.recorded_at).slice(0, 10));
  }
  const at = codes.findIndex((one) => one.code === (byStage ? stageOf(here) : here));
  return codes.map((one, index) => ({
    ...one,
    label: index === at ? labelState(name, here) : one.label,
    on: index <= at ? (reached.get(one.code) ?? "") : "",
    place: at < 0 ? (reached.has(one.code) ? "done" : "") : index < at ? "done" : index === at ? "now" : "",
  }));
}

/** The states from the start, each by the first move that leads on to a state not seen yet. */
function mainWay(name: string): string[] {
  const life = findLifecycle(name);
  if (!life) return [];
  const order = life.states.map((one) => one.state);
  const way = [life.start];
  for (let step = 0; step < order.length; step += 1) {
    const last = way[way.length - 1] ?? "";
    const onward = life.actions
      .filter((one) => one.sources.includes(last) && one.target && !way.includes(one.target))
      .sort((a, b) => order.indexOf(a.target) - order.indexOf(b.target));
    const next = onward.find((one) => order.indexOf(one.target) > order.indexOf(last)) ?? onward[0];
    if (!next) break;
    way.push(next.target);
  }
  return way;
}

/** An event as a sentence: who did what, from where to where, with which reason. */
function tell(event: EventRow, name: string, forms: KindForms | null): HistoryRow {
  const was = String(event.before["state"] ?? event.after["was"] ?? "");
  const now = String(event.after["now"] ?? event.after["state"] ?? "");
  const own = findKind(name)?.topics.includes(event.type) ?? false;
  const move = own ? findLifecycle(name)?.actions.find((one) => one.sources.includes(was) && one.target === now) : undefined;
  const topic = listCodes("topics").find((one) => one.code === event.type)?.label ?? "";
  const facts = forms?.facts ?? [];
  const told = facts
    .filter((one) => one.name in event.after && !["object", "id"].includes(one.type) && one.name !== "state")
    .map((one) => [one.label, writeValue(event.after[one.name], one, name, forms?.code_sets ?? {})] as const)
    .filter(([, text]) => text && text.length < TEXT_IS_LONG)
    .slice(0, 4)
    .map(([label, text]) => `${label}${text}`);
  const states = own && now && was !== now ? [`${was ? `${labelState(name, was)} → ` : ""}${labelState(name, now)}`] : [];
  return {
    at: event.at ?? event.recorded_at,
    who: event.actor.startsWith("service:") ? "系统" : nameAccount(event.actor),
    what: move?.label ?? topic,
    more: [...states, ...(move ? [] : told), event.reason && `理由：${event.reason}`].filter(Boolean).join("，"),
  };
}

export function isTable(fact: Fact, value: unknown): value is Row[] {
  return Boolean(fact.fields?.length) && Array.isArray(value) && value.length > 0 && typeof value[0] === "object";
}

/** A value that only machines read: objects whose parts nobody described. */
export function isUndescribed(fact: Fact, value: unknown): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return !fact.fields?.length && typeof first === "object" && first !== null;
}

/** The inner fields of a fact that is one object, as text. */
export function writeFact(fact: Fact, value: unknown, name: string, forms: KindForms | null): string {
  if (value && typeof value === "object" && !Array.isArray(value) && fact.fields?.length) {
    return fact.fields
      .map((one) => [one.label, writeValue((value as Row)[one.name], one, name, forms?.code_sets ?? {})] as const)
      .filter(([, text]) => text)
      .map(([label, text]) => `${label} ${text}`)
      .join("，");
  }
  return writeValue(value, fact, name, forms?.code_sets ?? {});
}

/** The first amounts of a record, for its head. */
export function listAmounts(name: string, row: Row): { label: string; text: string }[] {
  const columns: Column[] = findKind(name)?.columns ?? [];
  return columns.filter((one) => one.type === "money" && row[one.name] !== null && row[one.name] !== undefined).slice(0, 3).map((one) => ({ label: one.label, text: formatMoney(row[one.name], desk.unit) }));
}

/** The files that a record names: ids in fields that are files. */
export function listFiles(row: Row, facts: Fact[]): string[] {
  const found = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === "string") found.add(value);
    else if (Array.isArray(value)) value.forEach(collect);
    else if (value && typeof value === "object" && "file_id" in value) collect(value["file_id"]);
  };
  for (const fact of facts) {
    if (fact.type === "file" || fact.type === "files") collect(row[fact.name]);
    const inner = fact.fields?.filter((one) => one.type === "file" || one.type === "files") ?? [];
    for (const one of inner) for (const part of (row[fact.name] ?? []) as Row[]) collect(part[one.name]);
  }
  return [...found].filter(Boolean);
}
