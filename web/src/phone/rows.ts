/** How a record of any kind is written on the phone: from the columns that its kind describes. */
import type { Column, Kind } from "@/common/meta";
import { writeValue } from "@/common/values";
import type { Row } from "./store";

const MAX_FACTS = 3;

export function formatValue(kind: Kind, column: Column, value: unknown): string {
  const text = writeValue(value, column, kind.name);
  return text && text + (column.type === "money" ? "元" : column.unit);
}

export function describeRow(kind: Kind | undefined, row: Row): { title: string; facts: string } {
  if (!kind) return { title: String(row.id ?? ""), facts: "" };
  const titleColumn = kind.columns.find((one) => one.name === kind.title);
  const title = titleColumn ? formatValue(kind, titleColumn, row[kind.title]) : String(row[kind.title] ?? "");
  const rest = kind.columns.filter((one) => one.name !== kind.title && one.type !== "region");
  const facts = rest.map((one) => formatValue(kind, one, row[one.name])).filter(Boolean);
  return { title: title || kind.label, facts: facts.slice(0, MAX_FACTS).join("，") };
}
