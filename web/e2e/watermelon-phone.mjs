/* An app with the unmodified @nozbe/watermelondb, its LokiJS adapter and one file as its disk; plays steps and may die in one.
   node watermelon-phone.mjs <file> <url> <token> <steps as JSON>; prints what the steps answered as JSON. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Database, Model, appSchema, tableSchema } = require("@nozbe/watermelondb");
const { default: LokiJSAdapter } = require("@nozbe/watermelondb/adapters/lokijs");
const { setGenerator } = require("@nozbe/watermelondb/utils/common/randomId");
const { synchronize, hasUnsyncedChanges } = require("@nozbe/watermelondb/sync");

const [file, url, token, steps] = process.argv.slice(2);
const TABLES = ["deed", "visit", "follow_up"];
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
/** What the library complains of: a run without trouble has none. */
const complaints = [];
for (const name of ["error", "warn"]) console[name] = (...words) => complaints.push(words.join(" ").slice(0, 300));
console.log = () => {};

const disk = {
  loadDatabase(_name, done) {
    let text = null;
    try {
      text = readFileSync(file, "utf8");
    } catch {
      // A new phone.
    }
    done(text);
  },
  saveDatabase(_name, text, done) {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    done(null);
  },
  deleteDatabase(_name, done) {
    done({ success: true });
  },
};

async function call(method, path, body) {
  const answer = await fetch(`${url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function open() {
  const { tables } = await call("GET", "/sync/watermelon/schema");
  const wanted = tables.filter((one) => TABLES.includes(one.name));
  const schema = appSchema({ version: 1, tables: wanted.map(({ name, columns }) => tableSchema({ name, columns })) });
  const modelClasses = TABLES.map((name) => class extends Model { static table = name; });
  const adapter = new LokiJSAdapter({ schema, useWebWorker: false, useIncrementalIndexedDB: true, dbName: "phone", extraLokiOptions: { autosave: false }, _testLokiAdapter: disk });
  return new Database({ adapter, modelClasses });
}

const save = (database) =>
  new Promise((done, failed) => database.adapter.underlyingAdapter._driver.loki.saveDatabase((error) => (error ? failed(error) : done())));

/** The code of docs/field.md; `dies` names the moment at which the app is killed. */
async function sync(database, dies, seen) {
  await synchronize({
    database,
    sendCreatedAsUpdated: true,
    pullChanges: async ({ lastPulledAt, migration }) => {
      const query = new URLSearchParams({ last_pulled_at: lastPulledAt ?? 0, tables: TABLES.join(), migration: JSON.stringify(migration) });
      const answer = await call("GET", `/sync/watermelon?${query}`);
      if (dies === "pull") process.kill(process.pid, "SIGKILL");
      return answer;
    },
    onDidPullChanges: async () => {
      if (dies === "pulled") process.kill(process.pid, "SIGKILL");
    },
    pushChanges: async ({ changes, lastPulledAt }) => {
      if (dies === "push") {
        call("POST", "/sync/watermelon", { changes, last_pulled_at: lastPulledAt });
        await new Promise((done) => setTimeout(done, 3));
        process.kill(process.pid, "SIGKILL");
      }
      const answer = await call("POST", "/sync/watermelon", { changes, last_pulled_at: lastPulledAt, sent_at: new Date().toISOString() });
      seen.push(...answer.results.map((one) => ({ id: one.id, verdict: one.result.verdict })));
      if (dies === "pushed") process.kill(process.pid, "SIGKILL");
      return answer;
    },
  });
}

async function play(database, [name, ...given]) {
  const of = async (table, id) => database.get(table).find(id);
  switch (name) {
    case "ids":
      setGenerator(() => crypto.randomUUID());
      return null;
    case "create":
      return (await database.write(() => database.get(given[0]).create((one) => Object.entries(given[1]).forEach(([column, value]) => one._setRaw(column, value))))).id;
    case "update":
      return database.write(async () => (await of(given[0], given[1])).update((one) => Object.entries(given[2]).forEach(([column, value]) => one._setRaw(column, value)))).then(() => null);
    case "delete":
      return database.write(async () => (await of(given[0], given[1])).markAsDeleted()).then(() => null);
    case "sync": {
      const seen = [];
      await save(database);
      await sync(database, given[0], seen);
      return seen;
    }
    case "list":
      return (await database.get(given[0]).query().fetch()).map((one) => ({ ...one._raw }));
    case "unsynced":
      return hasUnsyncedChanges({ database });
    default:
      throw new Error(name);
  }
}

const database = await open();
await database.adapter.getLocal("opened");
const answers = [];
for (const step of JSON.parse(steps)) answers.push(await play(database, step));
await save(database);
process.stdout.write(JSON.stringify({ answers, complaints }), () => process.exit(0));
