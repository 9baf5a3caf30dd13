/** A list of a kind: columns that are shown, filters in the address, saved views, rows, totals, export. */
import { computed, reactive, ref } from "vue";
import { createTurns, request, requestAll, send, Problem, type Page } from "@/common/api";
import { findKind, loadForms, type Column, type KindForms } from "@/common/meta";
import { formatMoney, sumMoney } from "@/common/format";
import { headOf, writeValue, type Row } from "./values";
import { desk, nameRegion } from "./state";

const PAGE_SIZE = 100;
const MOST_EXPORTED = 20_000;

export interface SavedView {
  name: string;
  query: Record<string, string>;
  columns: string[];
}

/** The columns of a kind: those of its list first, then the other facts that stand in a row. */
export function listColumns(kind: string, forms: KindForms | null): Column[] {
  const first = findKind(kind)?.columns ?? [];
  const known = new Set(first.map((one) => one.name));
  const plain = (forms?.facts ?? []).filter((one) => !known.has(one.name) && !one.fields?.length && !["object", "list", "id"].includes(one.type));
  return [...first, ...plain];
}

function readKept<T>(key: string, empty: T): T {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "") as T;
  } catch {
    return empty;
  }
}

export function useList(name: string) {
  const kind = findKind(name);
  const forms = ref<KindForms | null>(null);
  const takeTurn = createTurns();
  const keptColumns = `xianjie.columns ${name}`;
  const keptViews = `xianjie.views ${name}`;
  const state = reactive({
    rows: [] as Row[],
    next: null as string | null,
    total: null as number | null,
    busy: false,
    problem: null as Problem | null,
    columns: readKept<string[]>(keptColumns, []),
    views: readKept<SavedView[]>(keptViews, []),
  });
  const all = computed(() => (kind ? listColumns(name, forms.value) : []));
  const shown = computed(() => {
    const chosen = state.columns.length ? all.value.filter((one) => state.columns.includes(one.name)) : (kind?.columns ?? []);
    return chosen.length ? chosen : (kind?.columns ?? []);
  });
  const sums = computed(() =>
    Object.fromEntries(shown.value.filter((one) => one.type === "money").map((one) => [one.name, sumMoney(state.rows.map((row) => row[one.name]))])),
  );

  async function load(query: Record<string, string>): Promise<void> {
    if (!kind) return;
    const isLate = takeTurn();
    state.busy = true;
    state.problem = null;
    try {
      const page: Page<Row> = await request("GET", kind.address, { query: { limit: PAGE_SIZE, count: kind.counted ? "exact" : undefined, ...query } });
      if (isLate()) return;
      Object.assign(state, { rows: page.items, next: page.next_cursor, total: page.total ?? null });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (isLate()) return;
      Object.assign(state, { problem: error, rows: [], next: null, total: null });
    } finally {
      if (!isLate()) state.busy = false;
    }
    forms.value ??= await loadForms(name).catch(() => null);
  }

  async function more(query: Record<string, string>): Promise<void> {
    if (!kind || !state.next) return;
    const page: Page<Row> = await request("GET", kind.address, { query: { limit: 200, ...query, cursor: state.next } });
    state.rows.push(...page.items);
    state.next = page.next_cursor;
  }

  function chooseColumns(names: string[]): void {
    state.columns = names;
    localStorage.setItem(keptColumns, JSON.stringify(names));
  }

  function keepViews(views: SavedView[]): void {
    state.views = views;
    localStorage.setItem(keptViews, JSON.stringify(views));
  }

  /** Writes every row of the filter with the columns that are shown, the filter and the count, as a table that Excel and WPS open. */
  async function exportRows(query: Record<string, string>): Promise<void> {
    if (!kind) return;
    const rows = state.next ? await requestAll<Row>(kind.address, query, MOST_EXPORTED) : state.rows;
    const filter = Object.entries(query).map(([key, value]) => `${kind.filters.find((one) => one.name === key)?.label ?? "搜索"}=${key === "region" ? nameRegion(value) : value}`);
    const totals = shown.value.map((one, at) => {
      if (at === 0) return `合计${String(rows.length)}条`;
      return one.type === "money" ? formatMoney(sumMoney(rows.map((row) => row[one.name])), desk.unit) : "";
    });
    const lines = [
      [kind.label, `共${String(rows.length)}条`, ...filter],
      shown.value.map(headOf),
      ...rows.map((row) => shown.value.map((one) => writeValue(row[one.name], one, name, forms.value?.code_sets))),
      totals,
    ];
    saveText(`${kind.label}-${String(rows.length)}条.csv`, `\ufeff${lines.map((line) => line.map(quote).join(",")).join("\r\n")}\r\n`);
  }

  return { kind, state, forms, all, shown, sums, load, more, chooseColumns, keepViews, exportRows };
}

/** A cell of a CSV; a text that a spreadsheet would take for a formula is kept a text. */
function quote(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.,]+$)/.test(text) ? `'${text}` : text;
  const bare = safe.replace(/^(-?[\d,]+\.\d\d)$/, (number) => number.replace(/,/g, ""));
  return /[",\r\n]/.test(bare) ? `"${bare.replace(/"/g, '""')}"` : bare;
}

export function saveText(name: string, text: string, type = "text/csv;charset=utf-8"): void {
  saveBlob(name, new Blob([text], { type }));
}

/** Saves a file of a service under its own name. */
export async function saveFile(service: string, id: string): Promise<void> {
  const address = `/api/v1/${service}/files/${id}`;
  const { name } = await request<{ name: string }>("GET", address);
  saveBlob(name, await (await send("GET", `${address}/content`)).blob());
}

export function saveBlob(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
