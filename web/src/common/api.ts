/** Requests to the API: one way in, problems as errors, one refresh of the token on 401. */
import { ref, shallowRef } from "vue";

export interface FieldProblem {
  /** JSON pointer to the field; empty for the whole record. */
  pointer: string;
  code: string;
  message: string;
}

/** What a caller can do about a refusal decides the screen: each kind has its own. */
export type ProblemKind = "offline" | "unavailable" | "signed-out" | "forbidden" | "missing" | "stale" | "refused" | "failed";

const KIND_BY_STATUS: Record<number, ProblemKind> = {
  0: "offline",
  401: "signed-out",
  403: "forbidden",
  404: "missing",
  412: "stale",
  428: "stale",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly next: string;
  readonly type: string;
  readonly errors: FieldProblem[];
  /** The whole answer, for a refusal that carries more than words. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Partial<ProblemBody> = {}) {
    super(body.detail || body.title || "办理没有成功");
    this.status = status;
    this.title = body.title ?? "办理没有成功";
    this.detail = body.detail ?? "";
    this.next = body.next ?? "";
    this.type = body.type ?? "";
    this.errors = (body.errors ?? []).map((one) => ({ pointer: one.pointer ?? "", code: one.code ?? "", message: one.detail }));
    this.body = { ...body };
  }

  get kind(): ProblemKind {
    return KIND_BY_STATUS[this.status] ?? (this.status >= 500 ? "failed" : "refused");
  }

  /** The server's words for the person: those of the fields, else of the whole. */
  get words(): string {
    return this.errors.map((one) => one.message).join("；") || this.detail || this.title;
  }
}

interface ProblemBody {
  type: string;
  title: string;
  detail: string;
  next: string;
  errors: { pointer?: string; code?: string; detail: string }[];
}

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

export interface RequestOptions {
  body?: unknown;
  query?: Query;
  ifMatch?: number | string;
  idempotencyKey?: string;
  headers?: Record<string, string>;
  /** Milliseconds after which the request counts as offline. */
  timeout?: number;
  /** The request goes without a token. */
  anonymous?: boolean;
}

export interface Tokens {
  /** The access token; empty when nobody is signed in. */
  access(): string;
  /** Gets a new access token; false when the session has ended. */
  refresh(): Promise<boolean>;
  /** Called when a request is refused and no new token can be had; resolves true when somebody has signed in again. */
  ended(): Promise<boolean>;
}

let tokens: Tokens = { access: () => "", refresh: () => Promise.resolve(false), ended: () => Promise.resolve(false) };

export function useTokens(source: Tokens): void {
  tokens = source;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export function buildUrl(path: string, query: Query = {}): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) value.forEach((one: string) => parts.append(name, one));
    else if (value !== null && value !== undefined && value !== "") parts.append(name, String(value));
  }
  const text = parts.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

/** Sends a request and answers the response itself; throws a Problem for every refusal. */
export async function send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  let answer = await attempt(method, path, options);
  if (answer.status === 401 && !options.anonymous) {
    if (await tokens.refresh()) answer = await attempt(method, path, options);
    if (answer.status === 401 && (await tokens.ended())) answer = await attempt(method, path, options);
  }
  if (answer.ok || answer.status === 304) return answer;
  throw await readProblem(answer);
}

/** Sends a request and answers the JSON of its answer. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const answer = await send(method, path, options);
  const text = answer.status === 204 ? "" : await answer.text();
  return (text && (answer.headers.get("content-type") ?? "").includes("json") ? JSON.parse(text) : text) as T;
}

async function attempt(method: string, path: string, options: RequestOptions): Promise<Response> {
  try {
    const [body, type] = encodeBody(options.body);
    return await fetchPatiently(buildUrl(path, options.query), {
      method,
      body,
      signal: "timeout" in AbortSignal ? AbortSignal.timeout(options.timeout ?? DEFAULT_TIMEOUT_MS) : undefined,
      cache: "no-store",
      credentials: "same-origin",
      headers: { ...buildHeaders(options), ...(type ? { "Content-Type": type } : {}), ...options.headers },
    });
  } catch {
    throw new Problem(0, { title: "没有网络", detail: "连不上服务器，请检查网络后再试；已填的内容还在。" });
  }
}

const MOST_TRIES = 4;
const LONGEST_PAUSE_S = 3;

/** A busy server refuses before it begins and names the seconds to wait: short waits are waited here, nobody has to press again. */
export async function fetchPatiently(url: string, options: RequestInit): Promise<Response> {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(url, options);
    const pause = Number(answer.headers.get("retry-after"));
    if (answer.status !== 503 || tries === MOST_TRIES || !(pause > 0 && pause <= LONGEST_PAUSE_S)) return answer;
    await new Promise((resolve) => setTimeout(resolve, pause * 1000 * (0.5 + Math.random())));
  }
}

function buildHeaders(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": "zh-CN" };
  const token = options.anonymous ? "" : tokens.access();
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (options.ifMatch !== undefined) headers["If-Match"] = `"${String(options.ifMatch)}"`;
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  return headers;
}

function encodeBody(body: unknown): [BodyInit | undefined, string] {
  if (body === undefined) return [undefined, ""];
  if (body instanceof FormData || body instanceof URLSearchParams || body instanceof Blob) return [body, ""];
  return [JSON.stringify(body), "application/json"];
}

async function readProblem(answer: Response): Promise<Problem> {
  try {
    return new Problem(answer.status, (await answer.json()) as Partial<ProblemBody>);
  } catch {
    return new Problem(answer.status, { title: "服务暂时不可用", detail: "服务器没有给出可读的答复，请稍后再试。" });
  }
}

/** Every page of a list, up to `most` rows. */
export async function requestAll<T>(path: string, query: Query = {}, most = 2000): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | null = "";
  do {
    const page: Page<T> = await request("GET", path, { query: { limit: 200, ...query, cursor } });
    rows.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && rows.length < most);
  return rows;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total?: number | null;
}

/** The requests of a page: whether they are under way, and the problem that ended the last. Of several begun, the last alone counts; `isLate` tells the others. */
export function useRequests() {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  let last = 0;

  /** True when the work was done; a refusal is kept in `problem`, any other error is thrown. */
  async function attempt(work: (isLate: () => boolean) => unknown): Promise<boolean> {
    const own = (last += 1);
    const isLate = (): boolean => own !== last;
    busy.value = true;
    problem.value = null;
    try {
      await work(isLate);
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!isLate()) problem.value = error;
      return false;
    } finally {
      if (!isLate()) busy.value = false;
    }
  }

  return { busy, problem, attempt };
}

/** UUIDv7: ordered by time, made without a network; the id of a new record, and the key that makes a repeated write count once. */
export function createId(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 5, rest = now; place >= 0; place -= 1, rest = Math.floor(rest / 256)) bytes[place] = rest % 256;
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const text = Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
