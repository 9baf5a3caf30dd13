/** What the phone keeps beside each person's own database. IndexedDB is on the disk when a write has ended; localStorage is not. */
import { openDB } from "idb";
import type { Keep } from "@/common/keep";

const opened = openDB("xianjie", 1, { upgrade: (database) => void database.createObjectStore("values") });

export const phoneKeep: Keep = {
  get: async (key) => ((await (await opened).get("values", key)) as string | undefined) ?? null,
  set: async (key, value) => void (await (await opened).put("values", value, key)),
  remove: async (key) => (await opened).delete("values", key),
};
