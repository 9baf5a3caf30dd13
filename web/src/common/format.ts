/** How values are written on a screen: money, dates, deadlines, sizes, states. */

export type MoneyUnit = "元" | "万元";

/** Money as the API gives it (a string in 元) in the unit of the screen: two decimals, thousands. Unknown is empty. */
export function formatMoney(value: unknown, unit: MoneyUnit = "元"): string {
  if (value === null || value === undefined || value === "") return "";
  const cents = toCents(String(value));
  return cents === null ? String(value) : formatCents(unit === "万元" ? roundDivide(cents, 10_000n) : cents);
}

export function toCents(text: string): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return null;
  const cents = BigInt(match[2] ?? "0") * 100n + BigInt((match[3] ?? "").padEnd(2, "0"));
  return match[1] ? -cents : cents;
}

function roundDivide(value: bigint, by: bigint): bigint {
  const half = by / 2n;
  return value >= 0n ? (value + half) / by : (value - half) / by;
}

export function formatCents(cents: bigint): string {
  return writeCents(cents).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function writeCents(cents: bigint): string {
  const text = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** The sum of amounts of money as strings, as a string in 元. */
export function sumMoney(values: Iterable<unknown>): string {
  let cents = 0n;
  for (const value of values) cents += toCents(String(value ?? "")) ?? 0n;
  return writeCents(cents);
}

const DIGITS = "零壹贰叁肆伍陆柒捌玖";
const PLACES = ["", "拾", "佰", "仟"];
const GROUPS = ["", "万", "亿", "万亿"];

/** An amount in words as it stands on a voucher: 壹万贰仟叁佰元整. */
export function formatMoneyWords(value: unknown): string {
  const cents = toCents(String(value ?? ""));
  if (cents === null || cents < 0n) return "";
  const units = cents < 100n ? "" : `${spellWhole((cents / 100n).toString())}元`;
  const [jiao, fen] = [Number((cents / 10n) % 10n), Number(cents % 10n)].map((one) => (one ? DIGITS[one] : ""));
  if (!jiao && !fen) return `${units || "零元"}整`;
  return units + (jiao ? `${jiao}角` : units && "零") + (fen ? `${fen}分` : "");
}

/** Every digit with its place, then what is not spoken of the noughts taken out. */
function spellWhole(text: string): string {
  const spell = (digit: string, at: number): string => {
    const place = text.length - 1 - at;
    return `${DIGITS[Number(digit)] ?? ""}${digit === "0" ? "" : (PLACES[place % 4] ?? "")}${place % 4 ? "" : (GROUPS[place / 4] ?? "")}`;
  };
  const words = Array.from(text, spell).join("");
  return words.replace(/零+(?=[万亿])/g, "").replace(/亿万/g, "亿零").replace(/零+/g, "零").replace(/零$/, "");
}

export function formatDate(value: unknown): string {
  return String(value ?? "").slice(0, 10);
}

/** A date in a sentence: 2023年10月18日. */
export function spellDate(value: unknown): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(String(value ?? ""));
  return match ? `${match[1] ?? ""}年${String(Number(match[2]))}月${String(Number(match[3]))}日` : "";
}

/** A moment in China's time: 2023-10-18 15:20. */
export function formatTime(value: unknown): string {
  if (!value) return "";
  const moment = new Date(String(value));
  if (Number.isNaN(moment.getTime())) return String(value);
  const parts = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "Asia/Shanghai", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });
  return parts.format(moment).replace(",", "");
}

export type DueTone = "late" | "soon" | "far" | "";

/** A deadline as its distance in words: 逾期18天, 今天到期, 还有3天. */
export function describeDue(due: string | null | undefined, today: string): { words: string; tone: DueTone } {
  if (!due) return { words: "", tone: "" };
  const days = Math.round((Date.parse(due.slice(0, 10)) - Date.parse(today)) / 86_400_000);
  if (days < 0) return { words: `逾期${String(-days)}天`, tone: "late" };
  if (days === 0) return { words: "今天到期", tone: "soon" };
  return { words: `还有${String(days)}天`, tone: days <= 3 ? "soon" : "far" };
}

export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${String(bytes)} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

export function formatNumber(value: unknown): string {
  return value === null || value === undefined || value === "" ? "" : Number(value).toLocaleString("zh-CN", { maximumFractionDigits: 2 });
}
