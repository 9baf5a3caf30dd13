/** How a value of a described column is written, and the tone of a state. */
import { findLifecycle, labelCode, labelState, listCodes, type Code, type Column } from "./meta";
import { formatDate, formatMoney, formatNumber, formatTime, type MoneyUnit } from "./format";

export type Row = Record<string, unknown>;
export type Tone = "todo" | "run" | "ok" | "warn" | "bad";

/** Code sets of a kind's own description, for codes that no list shows. */
export type CodeSets = Record<string, Code[]>;

/** What an application knows beside a record: the unit of its money, the names behind codes. */
export const writing = { unit: (): MoneyUnit => "元", nameRegion: String, nameAccount: String };

const NUMERIC = new Set(["money", "integer", "number"]);

export function isNumeric(column: Column): boolean {
  return NUMERIC.has(column.type) && !column.name.endsWith("year");
}

export function headOf(column: Column): string {
  if (column.type === "money") return `${column.label}（${writing.unit()}）`;
  return column.unit ? `${column.label}（${column.unit}）` : column.label;
}

/** A value as text; `kind` names whose states `state` is. */
export function writeValue(value: unknown, column: Column, kind = "", sets: CodeSets = {}): string {
  if (value === null || value === undefined || value === "") return "";
  if (Array.isArray(value)) return value.map((one) => writeValue(one, column, kind, sets)).filter(Boolean).join("、");
  switch (column.type) {
    case "money": return formatMoney(value, writing.unit());
    case "boolean": return value ? "是" : "否";
    case "date": return formatDate(value);
    case "datetime": return formatTime(value);
    case "region": return writing.nameRegion(value);
    case "account": return writing.nameAccount(value);
    case "number": return formatNumber(value);
    case "code":
    case "codes": return writeCode(String(value), column, kind, sets);
    default: return typeof value === "object" ? writeObject(value as Row) : column.name === "state" ? writeCode(String(value), column, kind, sets) : String(value);
  }
}

function writeCode(value: string, column: Column, kind: string, sets: CodeSets): string {
  if (column.name === "state" && kind) return labelState(kind, value);
  const own = sets[column.codes]?.find((one) => one.code === value)?.label;
  return own ?? (listCodes(column.codes).length ? labelCode(column.codes, value) : value);
}

/** The parts of a small object in words: numbers, texts, amounts. */
function writeObject(value: Row): string {
  return Object.values(value).filter((one) => one !== null && one !== "" && typeof one !== "object").map(String).join(" ");
}

const WARN = /退回|暂停|补正|逾期|待改/;
const BAD = /未通过|不予|终止|撤销|作废|驳回|取消|拒/;

/** What mark a state has: by its place in the lifecycle, and by what its label says. */
export function toneOf(kind: string, state: string): Tone {
  const life = findLifecycle(kind);
  const label = labelState(kind, state);
  if (BAD.test(label)) return "bad";
  if (WARN.test(label)) return "warn";
  if (!life) return "run";
  if (life.start === state) return "todo";
  return life.actions.some((one) => one.sources.includes(state) && one.target !== state) ? "run" : "ok";
}

/** The order of two values of a column: numbers and money by size, texts by the Chinese order, nothing last. */
export function compareValues(a: unknown, b: unknown, column: Column): number {
  const blank = (value: unknown): boolean => value === null || value === undefined || value === "";
  if (blank(a) || blank(b)) return Number(blank(a)) - Number(blank(b));
  return NUMERIC.has(column.type) ? Number(a) - Number(b) : String(a).localeCompare(String(b), "zh-CN");
}
