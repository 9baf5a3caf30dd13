/** What the phone keeps beside each person's own database. IndexedDB is on the disk when a write has ended; localStorage is not. */
import { openDB } from "idb";
import type { Keep } from "@/common/keep";

const opened = openDB("xianjie", 1, { upgrade: (database) => void database.createObjectStore("values") });

export const phoneKeep: Keep = {
  async get(key) {
    // A session of an earlier version stands in localStorage.
    return ((await (await opened).get("values", key)) as string | undefined) ?? localStorage.getItem(key);
  },
  async set(key, value) {
    await (await opened).put("values", value, key);
    localStorage.removeItem(key);
  },
  async remove(key) {
    await (await opened).delete("values", key);
    localStorage.removeItem(key);
  },
};
