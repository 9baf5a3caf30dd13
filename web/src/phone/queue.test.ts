import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import { Problem } from "@/common/api";
import { dropEntry, type Draft, enqueue, flushQueue, listEntries, type Transport, type Verdict } from "./queue";
import { createId, type Entry, openStore, type Photo, type Store } from "./store";

/** A server that knows ids, as /sync/batch does: the first answer stands for ever. */
class Server {
  readonly records = new Map<string, { by: string; place: number; body: unknown }>();
  readonly photos = new Map<string, number>();
  readonly refused = new Set<string>();
  batches: string[][] = [];
  requests = 0;
  /** After how many more requests the line breaks; the answer of that one is lost. */
  breaksAfter = Infinity;
  person = "cadre";

  transport(): Transport {
    return {
      person: () => this.person,
      sendItems: async (items) => {
        this.pass();
        this.batches.push(items.map((one) => one.id));
        const verdicts = items.map((one) => this.judge(one));
        this.answer();
        return verdicts;
      },
      sendPhoto: async (photo: Photo) => {
        this.pass();
        if (this.refused.has(photo.id)) return { title: "不接受", detail: "这不是照片", errors: [] };
        this.photos.set(photo.id, (this.photos.get(photo.id) ?? 0) + 1);
        this.answer();
        return null;
      },
    };
  }

  private pass(): void {
    if (this.breaksAfter <= 0) throw new Problem(0);
    this.requests += 1;
  }

  private answer(): void {
    this.breaksAfter -= 1;
    if (this.breaksAfter <= 0) throw new Problem(0);
  }

  private judge(item: Entry): Verdict {
    if (this.refused.has(item.id)) return { id: item.id, verdict: "refused", status: 422, refusal: { title: "", detail: "日期不对", errors: [{ pointer: "/on", message: "日期不对" }] } };
    if (!item.after.every((id) => this.records.has(id))) return { id: item.id, verdict: "held", status: 0 };
    const known = this.records.has(item.id);
    if (!known) this.records.set(item.id, { by: item.recordedBy, place: this.records.size, body: item.body });
    return { id: item.id, verdict: known ? "duplicate" : "applied", status: 201 };
  }
}

let number = 0;
let store: Store;
let server: Server;

beforeEach(async () => {
  number += 1;
  server = new Server();
  server.person = `cadre${String(number)}`;
  store = await openStore(server.person);
});

function draft(title: string, more: Partial<Draft> = {}): Draft {
  return { kind: "visit", title, method: "POST", path: "/api/v1/attendance/visits", body: { title }, recordedBy: server.person, ...more };
}

function picture(): Omit<Photo, "entry" | "sent"> {
  return { id: createId(), service: "attendance", name: "1.jpg", type: "image/jpeg", bytes: new ArrayBuffer(8), takenAt: "2026-06-17T08:00:00Z" };
}

async function fates(from: Store = store): Promise<string[]> {
  return (await listEntries(from)).map((one) => `${one.title} ${one.fate}`);
}

describe("the queue", () => {
  it("sends in the order of writing, also when the phone's clock was set back", async () => {
    await enqueue(store, draft("一"), new Date("2026-06-17T09:00:00Z"));
    await enqueue(store, draft("二"), new Date("2026-06-17T07:00:00Z"));
    expect(await flushQueue(store, server.transport())).toBe(true);
    expect([...server.records.values()].map((one) => (one.body as { title: string }).title)).toEqual(["一", "二"]);
    expect(await fates()).toEqual(["一 applied", "二 applied"]);
  });

  it("keeps an item whose answer was lost, sends it again and counts it once", async () => {
    await enqueue(store, draft("一"));
    server.breaksAfter = 1;
    await expect(flushQueue(store, server.transport())).rejects.toThrow();
    expect(await fates()).toEqual(["一 waiting"]);
    server.breaksAfter = Infinity;
    await flushQueue(store, server.transport());
    expect(await fates()).toEqual(["一 duplicate"]);
    expect(server.records.size).toBe(1);
  });

  it("loses nothing and doubles nothing when the app is killed after any request", async () => {
    const drafts = Array.from({ length: 6 }, (_, place) => draft(`第${String(place)}`, place % 2 ? { pictures: [picture(), picture()] } : {}));
    for (const one of drafts) await enqueue(store, one);
    for (let round = 0; round < 40; round += 1) {
      server.breaksAfter = 1 + (round % 3);
      await flushQueue(store, server.transport()).catch(() => undefined);
      store.close();
      store = await openStore(server.person);
    }
    expect(server.records.size).toBe(6);
    expect(server.photos.size).toBe(6);
    expect((await listEntries(store)).every((one) => one.fate === "applied" || one.fate === "duplicate")).toBe(true);
    expect(await store.count("photos")).toBe(0);
  });

  it("goes on with the next photo, not with the first", async () => {
    const pictures = [picture(), picture(), picture()];
    await enqueue(store, draft("一", { pictures }));
    server.breaksAfter = 2;
    await expect(flushQueue(store, server.transport())).rejects.toThrow();
    server.breaksAfter = Infinity;
    await flushQueue(store, server.transport());
    // The first was answered; the answer for the second was lost, so only that one went twice.
    expect(pictures.map((one) => server.photos.get(one.id))).toEqual([1, 2, 1]);
  });

  it("lets a check-in pass a visit whose photos take long", async () => {
    await enqueue(store, draft("走访", { pictures: [picture()] }));
    await enqueue(store, draft("打卡"));
    server.breaksAfter = 2;
    await expect(flushQueue(store, server.transport())).rejects.toThrow();
    expect(await fates()).toEqual(["走访 waiting", "打卡 applied"]);
  });

  it("never sends one person's items in another's session", async () => {
    await enqueue(store, draft("一"));
    server.person = "another";
    expect(await flushQueue(store, server.transport())).toBe(false);
    expect(server.requests).toBe(0);
    const others = await openStore("another");
    expect(await listEntries(others)).toEqual([]);
  });

  it("stops when the session changes between two requests", async () => {
    const own = server.person;
    await enqueue(store, draft("一", { pictures: [picture()] }));
    const transport = server.transport();
    const sendPhoto = transport.sendPhoto;
    transport.sendPhoto = async (photo) => {
      const answer = await sendPhoto(photo);
      server.person = "another";
      return answer;
    };
    await flushQueue(store, transport);
    expect(server.records.size).toBe(0);
    server.person = own;
    await flushQueue(store, server.transport());
    expect([...server.records.values()].map((one) => one.by)).toEqual([own]);
  });

  it("leaves a refused item with its words, and its neighbours go on", async () => {
    const bad = await enqueue(store, draft("坏"));
    await enqueue(store, draft("好"));
    server.refused.add(bad.id);
    await flushQueue(store, server.transport());
    expect(await fates()).toEqual(["坏 refused", "好 applied"]);
    expect((await store.get("queue", bad.id))?.refusal?.errors[0]?.pointer).toBe("/on");
    await flushQueue(store, server.transport());
    expect(server.batches.length).toBe(1);
  });

  it("refuses an item whose photo is not wanted", async () => {
    const one = picture();
    server.refused.add(one.id);
    const entry = await enqueue(store, draft("一", { pictures: [one] }));
    await flushQueue(store, server.transport());
    expect((await store.get("queue", entry.id))?.refusal?.detail).toContain("这不是照片");
    expect(server.records.size).toBe(0);
  });

  it("sends what depends on another only behind it", async () => {
    const first = await enqueue(store, draft("一", { pictures: [picture()] }));
    await enqueue(store, draft("二", { after: [first.id] }));
    await flushQueue(store, server.transport());
    expect([...server.records.values()].map((one) => (one.body as { title: string }).title)).toEqual(["一", "二"]);
    const bad = await enqueue(store, draft("三"));
    server.refused.add(bad.id);
    await enqueue(store, draft("四", { after: [bad.id] }));
    await flushQueue(store, server.transport());
    expect((await fates()).slice(2)).toEqual(["三 refused", "四 held"]);
  });

  it("does not let an item go that the server may have", async () => {
    const entry = await enqueue(store, draft("一"));
    server.breaksAfter = 1;
    await flushQueue(store, server.transport()).catch(() => undefined);
    expect(await dropEntry(store, entry.id)).toBe(false);
    expect(await fates()).toEqual(["一 waiting"]);
  });

  it("keeps the photos of a refused item for the corrected one", async () => {
    const one = picture();
    const bad = await enqueue(store, draft("坏", { pictures: [one] }));
    server.refused.add(bad.id);
    await flushQueue(store, server.transport());
    await enqueue(store, draft("改好", { pictures: [one] }));
    expect(await dropEntry(store, bad.id)).toBe(true);
    expect(await store.count("photos")).toBe(1);
    await flushQueue(store, server.transport());
    expect(await fates()).toEqual(["改好 applied"]);
  });

  it("asks for a held item again after a pause, or when the person asks", async () => {
    const entry = await enqueue(store, draft("一"));
    const transport = server.transport();
    let asked = 0;
    transport.sendItems = (items) => {
      asked += 1;
      return Promise.resolve(items.map((item) => ({ id: item.id, verdict: "held" as const, status: 0 })));
    };
    await flushQueue(store, transport);
    await flushQueue(store, transport);
    expect(asked).toBe(1);
    await flushQueue(store, transport, () => new Date(), true);
    expect(asked).toBe(2);
    await flushQueue(store, transport, () => new Date(Date.now() + 11 * 60_000));
    expect((await store.get("queue", entry.id))?.fate).toBe("held");
    expect(asked).toBe(3);
  });

  it("splits a long queue into batches a slow line bears", async () => {
    for (let place = 0; place < 120; place += 1) await enqueue(store, draft(`第${String(place)}`));
    await flushQueue(store, server.transport());
    expect(server.batches.map((one) => one.length)).toEqual([50, 50, 20]);
  });
});

describe("ids", () => {
  it("are UUIDv7 and ordered by time", () => {
    const first = createId(1_700_000_000_000);
    const second = createId(1_700_000_000_001);
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(first < second).toBe(true);
  });
});
