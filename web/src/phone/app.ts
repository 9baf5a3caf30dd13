/** The state of the phone: whose it is now, what is kept, what waits; reading and sending when there is a line. */
import { reactive, shallowRef } from "vue";
import { Problem, request } from "@/common/api";
import { forgetMeta, loadForms, loadMeta, meta } from "@/common/meta";
import type { components } from "@/generated/gateway";
import { flushQueue, forgetOld, listEntries, enqueue, type Draft } from "./queue";
import { type Entry, keepValue, openStore, readValue, type Store } from "./store";
import { readChanges } from "./changes";
import { transport } from "./transport";

export type Home = components["schemas"]["Home"];
export type WorkRow = components["schemas"]["WorkRowRead"];

export const app = reactive({
  person: "",
  online: navigator.onLine,
  busy: false,
  problem: "",
  lastContact: "",
  entries: [] as Entry[],
  home: null as Home | null,
  waiting: [] as WorkRow[],
  bytes: 0,
  kept: true,
  /** Counts up when rows change, so that pages read again. */
  changes: 0,
});

const opened = shallowRef<Store | null>(null);
const REST_MS = 60_000;
const STALE_MS = 10 * 60_000;
let lastRefresh = 0;
let again = false;

export function store(): Store {
  if (!opened.value) throw new Error("nobody is signed in");
  return opened.value;
}

/** Opens what is kept of a person and shows it before anything is asked. */
export async function openPerson(person: string): Promise<void> {
  if (app.person === person) return;
  await closePerson();
  opened.value = await openStore(person);
  app.person = person;
  app.home = await readValue<Home | null>(store(), "home", null);
  app.waiting = await readValue<WorkRow[]>(store(), "waiting", []);
  app.lastContact = await readValue(store(), "lastContact", "");
  await loadMeta(person, true).catch(() => undefined);
  await readEntries();
  app.kept = (await navigator.storage?.persist?.().catch(() => false)) ?? false;
  void synchronize();
}

export async function closePerson(): Promise<void> {
  opened.value?.close();
  opened.value = null;
  Object.assign(app, { person: "", entries: [], home: null, waiting: [], lastContact: "", problem: "" });
  lastRefresh = 0;
  forgetMeta();
}

export async function readEntries(): Promise<void> {
  if (opened.value) app.entries = await listEntries(opened.value);
}

export async function submit(draft: Omit<Draft, "recordedBy">): Promise<Entry> {
  const entry = await enqueue(store(), { ...draft, recordedBy: app.person });
  await readEntries();
  void synchronize();
  return entry;
}

/** Sends what waits, then reads what changed. One at a time, also across windows. */
export async function synchronize(asked = false): Promise<void> {
  const own = opened.value;
  if (!own) return;
  if (!navigator.onLine) {
    // Not an attempt: an item that was never sent can still be given up.
    app.online = false;
    return;
  }
  if (app.busy) {
    again = true;
    return;
  }
  app.busy = true;
  again = false;
  try {
    const sent = await withLock(() => flushQueue(own, transport, () => new Date(), asked));
    if (opened.value !== own) return;
    await readEntries();
    if (asked || sent || Date.now() - lastRefresh > STALE_MS) await refresh(own);
    noteContact(true);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    noteContact(error.kind !== "offline", error);
  } finally {
    app.busy = false;
    await readEntries();
  }
  // What was written, or who came, while this was under way.
  if (again && app.online && opened.value) await synchronize();
}

async function withLock<T>(work: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? ((await navigator.locks.request("xianjie.queue", work)) as T) : work();
}

function noteContact(reached: boolean, problem?: Problem): void {
  app.online = reached;
  app.problem = problem && reached ? problem.detail || problem.title : "";
  if (!problem && opened.value) {
    app.lastContact = new Date().toISOString();
    void keepValue(opened.value, "lastContact", app.lastContact);
  }
}

async function refresh(own: Store): Promise<void> {
  const found = await loadMeta(app.person);
  await readHome(own);
  await readChanges(own);
  await forgetOld(own);
  for (const kind of found.kinds) if (kind.phone && kind.forms) await loadForms(kind.name, true);
  lastRefresh = Date.now();
  app.changes += 1;
}

async function readHome(own: Store): Promise<void> {
  const home = await request<Home>("GET", "/api/v1/home");
  const waiting: WorkRow[] = [];
  for (const item of home.inbox.slice(0, 8)) {
    const page = await request<{ items: WorkRow[] }>("GET", item.rows, { query: { limit: 50 } });
    waiting.push(...page.items);
  }
  waiting.sort((a, b) => (a.due_on ?? "9999").localeCompare(b.due_on ?? "9999"));
  app.home = home;
  app.waiting = waiting;
  await keepValue(own, "home", home);
  await keepValue(own, "waiting", waiting);
  await readMonth(own, home.today.slice(0, 7));
}

export async function readMonth(own: Store, month: string): Promise<void> {
  if (!meta.value?.kinds.some((one) => one.name === "day_objection" && one.create)) return;
  await keepValue(own, `month ${month}`, await request("GET", "/api/v1/attendance/months/mine", { query: { month } }));
  app.changes += 1;
}

/** Bytes that this page sent and received today, as the browser counts them. */
function countBytes(): void {
  if (!("PerformanceObserver" in window)) return;
  const day = new Date().toDateString();
  const known = JSON.parse(localStorage.getItem("xianjie.bytes") ?? "{}") as { day?: string; bytes?: number };
  app.bytes = known.day === day ? (known.bytes ?? 0) : 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) app.bytes += (one as PerformanceResourceTiming).transferSize || 0;
    localStorage.setItem("xianjie.bytes", JSON.stringify({ day, bytes: app.bytes }));
  }).observe({ type: "resource", buffered: true });
}

/** Sends again when a line comes back, when the page is shown, and every minute while something waits. */
export function startSynchronizing(): void {
  countBytes();
  window.addEventListener("online", () => void synchronize());
  window.addEventListener("offline", () => (app.online = false));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void synchronize();
  });
  setInterval(() => {
    if (document.visibilityState === "visible" && navigator.onLine) void synchronize();
  }, REST_MS);
}
