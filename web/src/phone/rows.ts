/** How a record of any kind is written on the phone: from the columns that its kind describes. */
import { type Column, type Kind, labelCode, labelState } from "@/common/meta";
import { formatDate, formatMoney, formatTime } from "@/common/format";
import type { Row } from "./store";

const MAX_FACTS = 3;

export function formatValue(kind: Kind, column: Column, value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  if (column.name === "state") return labelState(kind.name, String(value));
  if (column.codes) return (Array.isArray(value) ? value : [value]).map((one) => labelCode(column.codes, String(one))).join("、");
  if (column.type === "money") return `${formatMoney(value)}元`;
  if (column.type === "date") return formatDate(value);
  if (column.type === "datetime") return formatTime(value);
  if (column.type === "boolean") return value ? "是" : "否";
  if (typeof value === "object") return Array.isArray(value) ? `${String(value.length)}项` : "";
  return column.unit ? `${String(value)}${column.unit}` : String(value);
}

export interface RowWords {
  title: string;
  facts: string;
}

export function describeRow(kind: Kind | undefined, row: Row): RowWords {
  if (!kind) return { title: String(row.id ?? ""), facts: "" };
  const titleColumn = kind.columns.find((one) => one.name === kind.title);
  const title = titleColumn ? formatValue(kind, titleColumn, row[kind.title]) : String(row[kind.title] ?? "");
  const rest = kind.columns.filter((one) => one.name !== kind.title && one.type !== "region");
  const facts = rest.map((one) => formatValue(kind, one, row[one.name])).filter(Boolean);
  return { title: title || kind.label, facts: facts.slice(0, MAX_FACTS).join("，") };
}
