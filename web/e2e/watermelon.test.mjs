/* The unmodified @nozbe/watermelondb as client of /sync/watermelon: kills in the middle, conflicts, and its known troubles. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Account, URL_OF_RUN } from "./api.mjs";

const cadre = new Account("zeku.cadre");
const MARK = String(Date.now());
const today = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);
const deed = (words) => ({ kind: "consumption", content: `${words} ${MARK}`, happened_on: today, beneficiaries: 3, amount: "120.00" });
const folder = mkdtempSync(join(tmpdir(), "xianjie-watermelon-"));
let phones = 0;

class Phone {
  file = join(folder, `${(phones += 1)}.json`);

  /** What the steps answered; null when the app was killed in one. */
  async play(...steps) {
    if (!cadre.token) await cadre.signIn();
    const options = [join(import.meta.dirname, "watermelon-phone.mjs"), this.file, URL_OF_RUN, cadre.token, JSON.stringify([["ids"], ...steps])];
    const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    const signal = await new Promise((done) => child.once("close", (_code, by) => done(by)));
    if (signal) return null;
    const { answers, complaints } = JSON.parse(text);
    assert.deepEqual(complaints.filter((one) => one.includes("[Sync]")), []);
    return answers.slice(1);
  }
}

const find = (rows, id) => rows.find((one) => one.id === id);
const stored = async () => (await cadre.get("/attendance/deeds?limit=200")).items.filter((one) => one.content.endsWith(MARK));

async function change(id, columns) {
  const { tag } = await cadre.request("GET", `/attendance/deeds/${id}`);
  const answer = await cadre.request("PATCH", `/attendance/deeds/${id}`, columns, { "If-Match": tag });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

test("watermelondb", async (t) => {
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const phone = new Phone();
  let id;

  await t.test("a record made on the phone is stored once and comes back as the same row", async () => {
    let first, rows;
    [id, first] = await phone.play(["create", "deed", deed("第一件")], ["sync"]);
    assert.deepEqual(first, [{ id, verdict: "applied" }]);
    [first, rows] = await phone.play(["sync"], ["list", "deed"]);
    assert.deepEqual(first, []);
    assert.equal(rows.filter((one) => one.id === id).length, 1);
    assert.deepEqual([find(rows, id).version, find(rows, id)._status], [1, "synced"]);
  });

  for (const moment of ["pull", "pulled", "push", "pushed"]) {
    await t.test(`the app is killed: ${moment}`, async () => {
      const lost = new Phone();
      const [made] = await lost.play(["sync"], ["create", "deed", deed(`被杀 ${moment}`)]).then((answers) => answers.slice(1));
      await change(id, { content: `期间改动 ${moment} ${MARK}` });
      assert.equal(await lost.play(["sync", moment]), null);
      const [, , , rows, unsynced] = await lost.play(["update", "deed", made, { beneficiaries: 9 }], ["sync"], ["sync"], ["list", "deed"], ["unsynced"]);
      assert.equal(unsynced, false);
      assert.equal(find(rows, id).content, `期间改动 ${moment} ${MARK}`);
      assert.equal(find(rows, made).beneficiaries, 9);
      const found = (await stored()).filter((one) => one.content.startsWith(`被杀 ${moment} `));
      assert.deepEqual(found.map((one) => [one.id, one.beneficiaries]), [[made, 9]]);
      assert.equal(find(rows, made).version, found[0].version);
    });
  }

  await t.test("two phones change one record: other columns are merged, nobody's change is lost", async () => {
    const other = new Phone();
    await other.play(["sync"]);
    await phone.play(["sync"], ["update", "deed", id, { beneficiaries: 20 }]);
    await other.play(["update", "deed", id, { amount: "99.00" }], ["sync"]);
    const [, , rows] = await phone.play(["sync"], ["sync"], ["list", "deed"]);
    assert.deepEqual([find(rows, id).beneficiaries, find(rows, id).amount], [20, "99.00"]);
    const now = await cadre.get(`/attendance/deeds/${id}`);
    assert.deepEqual([now.beneficiaries, now.amount], [20, "99.00"]);
  });

  await t.test("what was changed on the server between pull and push is not overwritten; the next sync merges", async () => {
    await phone.play(["sync"], ["update", "deed", id, { beneficiaries: 21 }]);
    const [raw] = (await phone.play(["list", "deed"]))[0].filter((one) => one.id === id);
    const first = await cadre.get("/sync/watermelon?last_pulled_at=0&tables=deed");
    await change(id, { amount: "77.00" });
    const stale = await cadre.post("/sync/watermelon", { changes: { deed: { created: [], updated: [raw], deleted: [] } }, last_pulled_at: first.timestamp });
    assert.deepEqual(stale.experimentalRejectedIds, { deed: [id] });
    await phone.play(["sync"]);
    const now = await cadre.get(`/attendance/deeds/${id}`);
    assert.deepEqual([now.beneficiaries, now.amount], [21, "77.00"]);
  });

  await t.test("a row deleted on the phone comes back: nobody deletes records there", async () => {
    const [, results, unsynced, , rows] = await phone.play(["delete", "deed", id], ["sync"], ["unsynced"], ["sync"], ["list", "deed"]);
    assert.deepEqual(results, [{ id, verdict: "refused" }]);
    assert.equal(unsynced, false);
    assert.equal(find(rows, id).amount, "77.00");
  });

  await t.test("a refused record stays on the phone and holds up no other", async () => {
    const [bad, good, results, unsynced] = await phone.play(["create", "deed", { ...deed("金额不对"), amount: "很多" }], ["create", "deed", deed("好的一件")], ["sync"], ["unsynced"]);
    assert.deepEqual(Object.fromEntries(results.map((one) => [one.id, one.verdict])), { [bad]: "refused", [good]: "applied" });
    assert.equal(unsynced, true);
    const [, corrected, clean] = await phone.play(["update", "deed", bad, { amount: "8.00" }], ["sync"], ["unsynced"]);
    assert.deepEqual(corrected, [{ id: bad, verdict: "applied" }]);
    assert.equal(clean, false);
  });

  await t.test("a visit and a deed that names it are made together; lists travel as JSON text", async () => {
    const visit = { visited_on: today, kind: "other", purpose: "care", findings: `看望老人 ${MARK}`, follow_ups: JSON.stringify([{ text: "送药上门", due_on: today }]) };
    const [visitId] = await phone.play(["create", "visit", visit]);
    const [deedId, results, , rows] = await phone.play(["create", "deed", { ...deed("由走访而来"), visit_id: visitId }], ["sync"], ["sync"], ["list", "follow_up"]);
    assert.deepEqual(new Set(results.map((one) => one.verdict)), new Set(["applied"]));
    assert.equal((await cadre.get(`/attendance/deeds/${deedId}`)).visit_id, visitId);
    assert.equal(rows.filter((one) => one.visit_id === visitId).length, 1);
  });
});
