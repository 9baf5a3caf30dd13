/** What the phone keeps of one person: a database of its own for each, so that nobody reads or sends another's. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Problem } from "@/common/api";

export { createId } from "@/common/api";

export type Body = Record<string, unknown>;
export type Row = Body & { id?: string };

/** waiting: not yet answered. held: the server keeps it until something else is there. */
export type Fate = "waiting" | "applied" | "duplicate" | "held" | "conflict" | "refused";

export interface Refusal {
  title: string;
  detail: string;
  errors: { pointer: string; message: string }[];
}

/** Where the form of an item was, to open it again. */
export interface Origin {
  route: string;
  values: Body;
}

export interface Entry {
  id: string;
  /** Order of writing; the phone's clock may jump. */
  place: number;
  kind: string;
  title: string;
  method: string;
  path: string;
  body: Body;
  ifMatch?: number;
  recordedAt: string;
  recordedBy: string;
  after: string[];
  photos: string[];
  origin?: Origin;
  fate: Fate;
  /** How often it was sent; above 1 the server may have it already. */
  sends: number;
  sentAt?: string;
  settledAt?: string;
  status?: number;
  answer?: Body;
  current?: Body;
  refusal?: Refusal;
  heldUntil?: string;
}

export interface Photo {
  id: string;
  entry: string;
  service: string;
  name: string;
  type: string;
  bytes: ArrayBuffer;
  takenAt: string;
  sent: boolean;
}

export interface KeptRow {
  key: string;
  kind: string;
  row: Row;
}

interface Schema extends DBSchema {
  queue: { key: string; value: Entry };
  photos: { key: string; value: Photo; indexes: { entry: string } };
  rows: { key: string; value: KeptRow; indexes: { kind: string } };
  values: { key: string; value: unknown };
}

export type Store = IDBPDatabase<Schema>;

export function openStore(person: string): Promise<Store> {
  return openDB<Schema>(`xianjie.${person}`, 1, {
    upgrade(database) {
      database.createObjectStore("queue", { keyPath: "id" });
      database.createObjectStore("photos", { keyPath: "id" }).createIndex("entry", "entry");
      database.createObjectStore("rows", { keyPath: "key" }).createIndex("kind", "kind");
      database.createObjectStore("values");
    },
  });
}

export async function readValue<T>(store: Store, name: string, otherwise: T): Promise<T> {
  return ((await store.get("values", name)) as T | undefined) ?? otherwise;
}

export async function keepValue(store: Store, name: string, value: unknown): Promise<void> {
  await store.put("values", JSON.parse(JSON.stringify(value)), name);
}

export async function listRows(store: Store, kind: string): Promise<Row[]> {
  return (await store.getAllFromIndex("rows", "kind", kind)).map((one) => one.row);
}

export async function findRow(store: Store, kind: string, id: string): Promise<Row | null> {
  return (await store.get("rows", `${kind}/${id}`))?.row ?? null;
}

/** Puts rows of a kind; with `whole` the kind is replaced. */
export async function keepRows(store: Store, kind: string, rows: { id: string; row: Row }[], whole = false): Promise<void> {
  const work = store.transaction("rows", "readwrite");
  if (whole) for (const key of await work.store.index("kind").getAllKeys(kind)) await work.store.delete(key);
  for (const { id, row } of rows) await work.store.put({ key: `${kind}/${id}`, kind, row });
  await work.done;
}

export async function dropRow(store: Store, kind: string, id: string): Promise<void> {
  await store.delete("rows", `${kind}/${id}`);
}

export function describeRefusal(problem: Pick<Problem, "title" | "detail" | "errors">): Refusal {
  const errors = (problem.errors ?? []).map(({ pointer, message }) => ({ pointer, message }));
  return { title: problem.title, detail: problem.detail, errors };
}
