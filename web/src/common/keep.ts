/** Where a page keeps what must be there at its next start: the session, and what the system says of itself. */

export interface Keep {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
}

export function keepIn(storage: Storage): Keep {
  return {
    get: (key) => Promise.resolve(storage.getItem(key)),
    set: (key, value) => Promise.resolve(storage.setItem(key, value)),
    remove: (key) => Promise.resolve(storage.removeItem(key)),
  };
}
