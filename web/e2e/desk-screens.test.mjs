/* Every screen that the navigation leads to — each list, its form, its first record, each page beside them — fits 360 px in large type
   and has no serious finding of axe; which screens there are is read from the navigation. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account } from "./api.mjs";
import { checkSmallest } from "./browser.mjs";
import { openDesks, openPage } from "./desk.mjs";

/** Between them they see every kind of record and every page. */
const PERSONS = ["zeku.bureau", "zeku.finance", "zeku.town", "zeku.auditor", "zeku.leader"];

test("every screen that the navigation leads to", async (t) => {
  const desk = await openDesks();
  t.after(() => desk.end());
  const faults = [];
  const seen = new Map();
  for (const person of PERSONS) {
    const page = await desk.as(person);
    await openPage(page, "/", "我的工作");
    const offered = await page.locator("nav.side a[href^='/desk/']").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    for (const path of offered.filter((one) => !seen.has(one))) seen.set(path, await lookAt(page, path, faults));
  }
  const lists = [...seen.keys()].filter((one) => one.includes("/list/"));
  t.diagnostic(`${String(lists.length)} lists, ${String(seen.size - lists.length)} other pages, ${String([...seen.values()].flat().length)} screens`);
  assert.deepEqual(faults, []);
  const own = (await new Account(PERSONS[0]).get("/meta")).kinds.filter((one) => !one.address.includes("{"));
  assert.deepEqual(own.filter((one) => !lists.includes(`/desk/list/${one.name}`)), []);
});

/** A screen and what it leads to: the form of a new record, the first record; the names of what was looked at. Faults are told together. */
async function lookAt(page, path, faults) {
  const names = [];
  const look = async (link, ready) => {
    const target = await link.getAttribute("href");
    // The navigation is folded at this width; a link of it is followed all the same.
    await link.evaluate((one) => one.click());
    await page.waitForURL(`**${target}`);
    try {
      await page.locator(ready).first().waitFor();
      await checkSmallest(page, target);
    } catch (error) {
      faults.push(`${target}: ${error.message} ${(await page.locator("main").innerText()).slice(0, 200)}`);
    }
    names.push(target);
  };
  const navigation = page.locator(`nav.side a[href="${path}"]`);
  const list = "main .clip[aria-busy=false], main section, main form, main table, main p";
  await look(navigation, path.includes("/list/") ? "main .clip[aria-busy=false]" : list);
  for (const [link, ready] of [[page.locator("a[data-key=new]"), "form .field, form .note"], [page.locator("tbody th a[href*='/record/']").first(), "#do"]]) {
    if (!(await link.count())) continue;
    await look(link, ready);
    await page.goBack();
    await page.locator(list).first().waitFor();
  }
  return names;
}
