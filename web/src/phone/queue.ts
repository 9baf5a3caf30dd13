/** The outbox: every item is kept before it is sent, sent with its own id until an answer is kept, and settled once. */
import { createId, type Body, type Entry, type Photo, type Refusal, type Store } from "./store";

export interface Verdict {
  id: string;
  verdict: "applied" | "duplicate" | "conflict" | "held" | "refused";
  status: number;
  body?: Body;
  refusal?: Refusal;
  current?: Body;
  heldUntil?: string;
}

/** The way to the server. Every function rejects with a Problem when there is no network or no service. */
export interface Transport {
  /** The account whose session is open now. */
  person(): string;
  sendItems(items: Entry[]): Promise<Verdict[]>;
  /** Resolves with a refusal when the server does not want the photo. */
  sendPhoto(photo: Photo): Promise<Refusal | null>;
}

export type Draft = Pick<Entry, "kind" | "title" | "method" | "path" | "body" | "recordedBy"> &
  Partial<Pick<Entry, "id" | "after" | "ifMatch" | "origin" | "recordedAt">> & { pictures?: Omit<Photo, "entry" | "sent">[] };

const MAX_ITEMS = 50;
const MAX_BYTES = 40_000;
const HELD_PAUSE_MS = 10 * 60_000;
const KEPT_MS = 30 * 24 * 3600_000;

/** What the queue says is kept is on the disk: a browser may otherwise answer before it wrote. */
const ON_DISK: IDBTransactionOptions = { durability: "strict" };

/** Keeps an item and its photos in one transaction: either all of it is there or nothing. */
export async function enqueue(store: Store, draft: Draft, now: Date = new Date()): Promise<Entry> {
  const { pictures = [], ...rest } = draft;
  const id = draft.id ?? createId(now.getTime());
  const work = store.transaction(["queue", "photos", "values"], "readwrite", ON_DISK);
  const place = (((await work.objectStore("values").get("place")) as number | undefined) ?? 0) + 1;
  const entry: Entry = {
    after: [],
    recordedAt: now.toISOString(),
    ...rest,
    id,
    place,
    photos: pictures.map((one) => one.id),
    fate: "waiting",
    sends: 0,
  };
  await work.objectStore("values").put(place, "place");
  for (const one of pictures) await work.objectStore("photos").put({ ...one, entry: id, sent: false });
  await work.objectStore("queue").add(JSON.parse(JSON.stringify(entry)) as Entry);
  await work.done;
  return entry;
}

export async function listEntries(store: Store): Promise<Entry[]> {
  return (await store.getAll("queue")).sort((a, b) => a.place - b.place);
}

export async function listPhotos(store: Store, entry: Entry): Promise<Photo[]> {
  const found = await Promise.all(entry.photos.map((id) => store.get("photos", id)));
  return found.filter((one): one is Photo => one !== undefined);
}

/** Gives an item up that the server did not take. One that may have arrived is not dropped but sent until answered. */
export async function dropEntry(store: Store, id: string): Promise<boolean> {
  const work = store.transaction(["queue", "photos"], "readwrite", ON_DISK);
  const entry = await work.objectStore("queue").get(id);
  const gone = entry !== undefined && (entry.fate === "refused" || entry.fate === "conflict" || entry.sends === 0);
  if (gone) {
    await work.objectStore("queue").delete(id);
    // Photos that a corrected item took over stay.
    for (const photo of await work.objectStore("photos").index("entry").getAllKeys(id)) await work.objectStore("photos").delete(photo);
  }
  await work.done;
  return gone;
}

/** Sends what waits; stops at the first sign of no network. Answers whether anything was settled. */
export async function flushQueue(store: Store, transport: Transport, now: () => Date = () => new Date(), asked = false): Promise<boolean> {
  const person = store.name.slice("xianjie.".length);
  let settled = false;
  for (;;) {
    if (transport.person() !== person) return settled;
    const entries = await listEntries(store);
    const batch = takeBatch(await listReady(store, entries, now(), asked && !settled));
    if (batch.length > 0) {
      if ((await sendBatch(store, transport, batch, now)) === 0) return settled;
      settled = true;
      continue;
    }
    const photo = await findNextPhoto(store, entries);
    if (photo === null) return settled;
    const refusal = await transport.sendPhoto(photo);
    if (refusal !== null) settled = await refusePhoto(store, photo, refusal, now());
    else await store.put("photos", { ...photo, sent: true });
  }
}

async function listReady(store: Store, entries: Entry[], now: Date, asked: boolean): Promise<Entry[]> {
  const byId = new Map(entries.map((one) => [one.id, one]));
  const ready: Entry[] = [];
  const taken = new Set<string>();
  for (const entry of entries) {
    const rested = asked || now.getTime() - Date.parse(entry.sentAt ?? "1970-01-01") > HELD_PAUSE_MS;
    if (entry.fate !== "waiting" && !(entry.fate === "held" && rested)) continue;
    if (entry.recordedBy !== store.name.slice("xianjie.".length)) continue;
    const before = entry.after.map((id) => byId.get(id)).filter((one) => one !== undefined);
    if (!before.every((one) => one.fate === "applied" || one.fate === "duplicate" || taken.has(one.id))) continue;
    if ((await listPhotos(store, entry)).some((photo) => !photo.sent)) continue;
    ready.push(entry);
    taken.add(entry.id);
  }
  return ready;
}

function takeBatch(ready: Entry[]): Entry[] {
  let bytes = 0;
  const end = ready.findIndex((entry, place) => {
    bytes += JSON.stringify(entry.body).length + 300;
    return place > 0 && (place === MAX_ITEMS || bytes > MAX_BYTES);
  });
  return end < 0 ? ready : ready.slice(0, end);
}

async function sendBatch(store: Store, transport: Transport, batch: Entry[], now: () => Date): Promise<number> {
  const sentAt = now().toISOString();
  const counted = batch.map((entry) => ({ ...entry, sends: entry.sends + 1, sentAt }));
  const work = store.transaction("queue", "readwrite", ON_DISK);
  for (const entry of counted) await work.store.put(entry);
  await work.done;
  const verdicts = await transport.sendItems(counted);
  return settle(store, verdicts, now());
}

/** Keeps the answers, and lets the photos of what was taken go, in one transaction. */
async function settle(store: Store, verdicts: Verdict[], now: Date): Promise<number> {
  const work = store.transaction(["queue", "photos"], "readwrite", ON_DISK);
  let settled = 0;
  for (const one of verdicts) {
    const entry = await work.objectStore("queue").get(one.id);
    if (entry === undefined) continue;
    const { verdict: fate, status, body: answer, refusal, current, heldUntil } = one;
    await work.objectStore("queue").put({ ...entry, fate, status, answer, refusal, current, heldUntil, settledAt: now.toISOString() });
    if (fate === "applied" || fate === "duplicate") for (const id of entry.photos) await work.objectStore("photos").delete(id);
    settled += 1;
  }
  await work.done;
  return settled;
}

async function findNextPhoto(store: Store, entries: Entry[]): Promise<Photo | null> {
  for (const entry of entries.filter((one) => one.fate === "waiting")) {
    const next = (await listPhotos(store, entry)).find((photo) => !photo.sent);
    if (next) return next;
  }
  return null;
}

async function refusePhoto(store: Store, photo: Photo, refusal: Refusal, now: Date): Promise<boolean> {
  const entry = await store.get("queue", photo.entry);
  if (!entry) return false;
  const words: Refusal = { ...refusal, detail: `照片“${photo.name}”没有收下：${refusal.detail || refusal.title}` };
  await store.put("queue", { ...entry, fate: "refused", refusal: words, settledAt: now.toISOString() });
  return true;
}

/** Forgets results older than 30 days. */
export async function forgetOld(store: Store, now: Date = new Date()): Promise<void> {
  for (const entry of await listEntries(store)) {
    const done = entry.fate === "applied" || entry.fate === "duplicate";
    if (done && now.getTime() - Date.parse(entry.settledAt ?? entry.recordedAt) > KEPT_MS) await store.delete("queue", entry.id);
  }
}
