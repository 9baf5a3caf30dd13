/** Saving what the desk made or got as a file. */
import { request, send } from "@/common/api";

/** Saves rows as CSV, which Excel and WPS open. */
export function saveTable(name: string, rows: string[][]): void {
  saveText(name, `\ufeff${rows.map((row) => row.map(quote).join(",")).join("\r\n")}\r\n`, "text/csv;charset=utf-8");
}

/** A cell of a CSV; a text that a spreadsheet would take for a formula is kept a text. */
function quote(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.,]+$)/.test(text) ? `'${text}` : text;
  const bare = safe.replace(/^(-?[\d,]+\.\d\d)$/, (number) => number.replace(/,/g, ""));
  return /[",\r\n]/.test(bare) ? `"${bare.replace(/"/g, '""')}"` : bare;
}

export function saveText(name: string, text: string, type = "text/plain;charset=utf-8"): void {
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
