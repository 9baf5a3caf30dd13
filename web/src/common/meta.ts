/** What the system has, as it describes itself: `/meta` and the forms of each kind, kept by ETag. */
import { reactive, shallowRef } from "vue";
import type { components } from "@/generated/gateway";
import type { components as Projects } from "@/generated/projects";
import { Problem, send } from "./api";
import { type Keep, keepIn } from "./keep";

type Schemas = components["schemas"];
export type Meta = Schemas["Meta"];
export type Kind = Schemas["KindRead"];
export type Column = Schemas["ColumnRead"];
export type KindForms = Schemas["KindForms"];
export type Code = Schemas["CodeRead"];
export type AvailableAction = Projects["schemas"]["AvailableAction"];
export type LifecycleRead = Schemas["LifecycleRead"];

const META_PATH = "/api/v1/meta";
const forms = reactive(new Map<string, KindForms>());
let owner = "";

export const meta = shallowRef<Meta | null>(null);

let place: Keep = keepIn(localStorage);

/** Keeps what is read in another place than `localStorage`. */
export function keepMetaIn(other: Keep): void {
  place = other;
}

interface Stored {
  tag: string;
  value: unknown;
}

/** Reads an address with If-None-Match; without a network the kept answer counts. */
async function readCached<T>(path: string, person: string, keptFirst = false): Promise<T> {
  const key = `xianjie.meta ${person} ${path}`;
  const kept = await readStored(key);
  if (kept && keptFirst) return kept.value as T;
  try {
    const answer = await send("GET", path, { headers: kept ? { "If-None-Match": kept.tag } : {} });
    if (answer.status === 304 && kept) return kept.value as T;
    const value = (await answer.json()) as T;
    await writeStored(key, { tag: answer.headers.get("etag") ?? "", value });
    return value;
  } catch (error) {
    if (kept && error instanceof Problem && ["offline", "unavailable"].includes(error.kind)) return kept.value as T;
    throw error;
  }
}

async function readStored(key: string): Promise<Stored | null> {
  try {
    const text = await place.get(key);
    return text ? (JSON.parse(text) as Stored) : null;
  } catch {
    return null;
  }
}

async function writeStored(key: string, stored: Stored): Promise<void> {
  try {
    await place.set(key, JSON.stringify(stored));
  } catch {
    // The store is full: the next start asks again.
  }
}

/** With `keptFirst` what an earlier start kept counts without asking: a phone shows its pages at once. */
export async function loadMeta(person: string, keptFirst = false): Promise<Meta> {
  meta.value = await readCached<Meta>(META_PATH, person, keptFirst);
  forms.clear();
  owner = person;
  return meta.value;
}

export async function loadForms(kind: string, keptFirst = false): Promise<KindForms> {
  const known = forms.get(kind);
  if (known) return known;
  const read = await readCached<KindForms>(`${META_PATH}/forms/${kind}`, owner, keptFirst);
  forms.set(kind, read);
  return read;
}

export function forgetMeta(): void {
  meta.value = null;
  forms.clear();
}

export function findKind(name: string): Kind | undefined {
  return meta.value?.kinds.find((one) => one.name === name);
}

/** The kind that a field such as project_id names. */
export function nameKind(field: string): string {
  const name = field.replace(/_id$/, "");
  return findKind(name) ? name : "";
}

/** The kind whose records stand at an address such as /api/v1/projects or /api/v1/projects/{id}, and the id. */
export function findKindByAddress(address: string): { kind: Kind; id: string } | undefined {
  const path = address.split("?")[0] ?? address;
  for (const kind of meta.value?.kinds ?? []) {
    if (kind.address === path || kind.create === path) return { kind, id: "" };
    const match = new RegExp(`^${kind.detail.replace("{id}", "([^/]+)").replace(/\{[a-z_]+\}/g, "[^/]+")}$`).exec(path);
    if (match?.[1]) return { kind, id: match[1] };
  }
  return undefined;
}

export function findLifecycle(kind: string): LifecycleRead | undefined {
  return meta.value?.lifecycles.find((one) => one.kind === kind);
}

/** What the record itself says can be done; else the moves that its lifecycle offers the caller from its state. */
export function listActions(name: string, row: Record<string, unknown> | null): AvailableAction[] {
  const own = row?.["available_actions"] as AvailableAction[] | undefined;
  if (own) return own;
  const life = findKind(name)?.act ? findLifecycle(name) : undefined;
  const here = String(row?.["state"] ?? "");
  return (life?.actions ?? [])
    .filter((one) => one.allowed && one.sources.includes(here))
    .filter((one, at, all) => all.findIndex((other) => other.action === one.action) === at)
    .map((one) => ({ action: one.action, label: one.label, ready: true, missing: [] }));
}

export function listCodes(set: string): Code[] {
  return meta.value?.code_sets[set] ?? [];
}

export function labelCode(set: string, code: string): string {
  return listCodes(set).find((one) => one.code === code)?.label ?? code;
}

export function labelState(kind: string, state: string): string {
  return findLifecycle(kind)?.states.find((one) => one.state === state)?.label ?? state;
}

export function readSwitch(key: string): unknown {
  return meta.value?.switches.find((one) => one.key === key)?.value;
}
