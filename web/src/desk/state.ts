/** What the whole desk shares: unit of money, type size, region names, the day, and what waits. */
import { computed, reactive, watchEffect } from "vue";
import type { components } from "@/generated/gateway";
import type { components as Identity } from "@/generated/identity";
import { request, requestAll, type Query } from "@/common/api";
import { session } from "@/common/session";
import type { MoneyUnit } from "@/common/format";
import { writing } from "@/common/values";

export type Home = components["schemas"]["Home"];

type Region = Identity["schemas"]["RegionRead"];

const KEPT = "xianjie.desk";
const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<{ unit: MoneyUnit; keys: boolean }>;

export const desk = reactive({
  unit: kept.unit ?? ("万元" as MoneyUnit),
  keys: kept.keys ?? true,
  home: null as Home | null,
  /** Files on their way: a form is not sent without them. */
  uploads: 0,
  regions: new Map<string, Region>(),
});

watchEffect(() => localStorage.setItem(KEPT, JSON.stringify({ unit: desk.unit, keys: desk.keys })));

/** The day in China. */
export const today = computed(() => desk.home?.today ?? new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10));

/** The regions that the person's grants stand for, the first one first. */
export const ownRegions = computed(() => [...new Set((session.me?.grants ?? []).map((one) => one.region))]);

export async function loadHome(): Promise<Home> {
  desk.home = await request<Home>("GET", "/api/v1/home");
  return desk.home;
}

const COUNTY_DIGITS = 6;
const MOST_REGIONS = 20_000;
const NATION = "000000000000";

/** Loads the names of a region's county: the county, its towns and villages. */
export async function loadRegions(code: string): Promise<void> {
  const county = code.slice(0, COUNTY_DIGITS).padEnd(12, "0");
  if (desk.regions.has(county)) return;
  const read = async (query: Query): Promise<Region[]> => {
    const found = await requestAll<Region>("/api/v1/regions", { limit: 1000, ...query }, MOST_REGIONS);
    for (const one of found) desk.regions.set(one.code, one);
    return found;
  };
  if (county === NATION) return void (await read({}));
  void request<Region>("GET", `/api/v1/regions/${county}`).then((one) => desk.regions.set(county, one)).catch(() => undefined);
  await Promise.all((await read({ parent: county })).map((town) => read({ parent: town.code })));
}

const names = reactive(new Map<string, string>());
let asked = new Set<string>();

/** What an account is called; its id until the answer is there. All that a page names are asked for at once. */
export function nameAccount(value: unknown): string {
  const id = String(value);
  const known = names.get(id);
  if (known !== undefined || !id) return known ?? "";
  if (!asked.size) setTimeout(() => void askNames());
  asked.add(id);
  return id;
}

async function askNames(): Promise<void> {
  const wanted = [...asked];
  asked = new Set();
  const found = await request<{ id: string; name: string }[]>("GET", "/api/v1/users/names", { query: { account_id: wanted.slice(0, 100) } }).catch(() => []);
  for (const one of wanted) names.set(one, one);
  for (const one of found) names.set(one.id, one.name);
}

export function nameRegion(code: unknown): string {
  const text = String(code ?? "");
  const found = desk.regions.get(text);
  if (!found) return text;
  const parent = desk.regions.get(found.parent_code);
  return parent && parent.level === "town" ? `${parent.name}${found.name}` : found.name;
}

export const regionChoices = computed(() =>
  [...desk.regions.values()].sort((a, b) => a.code.localeCompare(b.code)).map((one) => ({ value: one.code, label: nameRegion(one.code) })),
);

Object.assign(writing, { unit: () => desk.unit, nameRegion, nameAccount });
