/* What is done in the village by phone without a network: progress with a photo, an inspection, a stock-taking, a duty handed to another;
   and every form that the phone offers is readable for everybody. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, URL_OF_RUN } from "./api.mjs";
import { checkSmallest } from "./browser.mjs";
import { COUNTY, startProject } from "./desk.mjs";
import { addPhoto, cutLine, fill, openPhone, openTab, readQueue, restoreLine, signIn, waitUntilIdle } from "./phone.mjs";

const MARK = String(Date.now()).slice(-6);
const ASSET = "饲料加工车间";
const PROJECT = "泽库县2个村发展新型农村集体经济项目";
const town = new Account("zeku.town");
const cadre = new Account("zeku.cadre");
const county = new Account("zeku.bureau");

async function choose(page, field, words) {
  await page.getByRole("button", { name: new RegExp(field) }).click();
  const sheet = page.getByRole("dialog", { name: field });
  await sheet.getByLabel("查找").fill(words);
  await sheet.getByRole("button", { name: new RegExp(words) }).first().click();
}

async function showRest(page) {
  const more = page.getByRole("button", { name: /^还有/ });
  if (await more.count()) await more.click();
}

async function submit(page) {
  await page.locator("footer.pfoot button[type=submit]").click();
  await page.getByRole("heading", { name: "待发送", level: 1 }).waitFor();
}

/** Back on the line: everything is sent, and nothing of it refused. */
async function sendAll(phone, page) {
  await restoreLine(phone);
  await waitUntilIdle(page);
  await page.getByRole("button", { name: "现在发送" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("article.q .st")].every((one) => !/等网络|排队发送|等答复|正在传照片/.test(one.textContent)));
  const refused = (await readQueue(page)).filter((one) => !/已记录|已收下/.test(one.fate));
  assert.deepEqual(refused.map((one) => one.text), []);
}

test("work in the village by phone", async (t) => {
  const { today } = await town.get("/home");
  const later = new Date(Date.parse(today) + (3 + (Number(MARK) % 300)) * 86_400_000).toISOString().slice(0, 10);
  const asset = (await county.get(`/assets?q=${encodeURIComponent(ASSET)}`)).items[0];
  const place = await county.get(`/assets/${asset.id}`);
  const campaign = await county.post("/assets/campaigns", { region: COUNTY, name: `年终清查${MARK}`, starts_on: today, ends_on: later });
  const [{ name: clerkName }] = await cadre.get("/users/names?account_id=zeku.clerk");
  const post = (await town.get("/attendance/posts?limit=5")).items[0];
  if (!(await town.get("/attendance/assignments?person=zeku.clerk")).items.length) {
    await town.post(`/attendance/posts/${post.id}/assignments`, { person: "zeku.clerk", person_name: clerkName, starts_on: today });
  }
  const shift = { person: "zeku.cadre", person_name: "驻村干部", starts_at: `${later}T09:00:00+08:00`, ends_at: `${later}T17:00:00+08:00`, kind: "day" };
  await town.post("/attendance/duties", { post_id: post.id, shifts: [shift] });

  await t.test("a cadre hands a duty on, inspects an asset and counts it without a network; each arrives once", async (step) => {
    const phone = await openPhone();
    step.after(() => phone.end());
    const { page } = phone;
    // Beside the asset: from the village committee it would count as not at its place.
    await phone.context.setGeolocation({ longitude: place.lon, latitude: place.lat, accuracy: 12 });
    await signIn(page, "zeku.cadre");
    await page.goto(`${URL_OF_RUN}/m/#/form/duty_swap/create`);
    await choose(page, "本人班次", later.slice(5));
    await showRest(page);
    await choose(page, "替班人账号", clerkName);
    await cutLine(phone);
    await fill(page, { 替班人: clerkName, 事由: `家里有事${MARK}` });
    await submit(page);
    await page.goto(`${URL_OF_RUN}/m/#/form/inspection/create?asset_id=${asset.id}`);
    await page.getByLabel("状况", { exact: true }).selectOption({ label: "完好" });
    await fill(page, { 发现的问题: `门锁松动${MARK}` });
    await addPhoto(page);
    await submit(page);
    await openTab(page, "今天");
    // Four taps for an asset that one stands beside.
    await page.getByRole("link", { name: new RegExp(`盘点一件.*${campaign.name}`) }).click();
    await page.getByRole("button", { name: new RegExp(`${ASSET}，\\d+米`) }).click();
    await page.getByLabel("结果", { exact: true }).selectOption({ label: "账实相符" });
    await submit(page);
    assert.equal((await readQueue(page)).filter((one) => one.fate === "等网络").length, 3);
    await sendAll(phone, page);
    const seen = (await cadre.get(`/assets/${asset.id}/inspections`)).items.filter((one) => one.findings.includes(MARK));
    assert.deepEqual(seen.map((one) => one.photos.length), [1]);
    const items = (await county.get(`/assets/campaigns/${campaign.id}/items?limit=200`)).items;
    assert.equal(items.find((one) => one.asset_id === asset.id).result, "found");
    const swaps = (await cadre.get("/attendance/duty-swaps?limit=20")).items.filter((one) => one.why.includes(MARK));
    assert.deepEqual(swaps.map((one) => one.partner), ["zeku.clerk"]);
  });

  await t.test("the town reports progress with a photo from the site without a network", async (step) => {
    const project = (await town.get("/projects?year=2023&limit=100")).items.find((one) => one.name === PROJECT);
    await startProject(town, project.id, project.region);
    const phone = await openPhone();
    step.after(() => phone.end());
    const { page } = phone;
    await signIn(page, "zeku.town");
    await cutLine(phone);
    await page.goto(`${URL_OF_RUN}/m/#/form/progress/create?project_id=${project.id}`);
    await fill(page, { 形象进度: "35", 存在问题: `阴雨停工两天${MARK}` });
    await addPhoto(page);
    await submit(page);
    await sendAll(phone, page);
    const reports = (await town.get(`/projects/${project.id}/progress`)).items;
    const [last] = reports.filter((one) => one.physical_percent === 35);
    assert.equal(last.photos.length, 1);
    assert.ok(last.photos[0].lon ?? last.photos[0].fix, "the photo says where it was taken");

    await openTab(page, "今天");
    await page.goto(`${URL_OF_RUN}/m/#/write`);
    const forms = await page.locator("a.pcell").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    assert.ok(forms.length > 5, `${String(forms.length)} forms`);
    for (const form of forms) {
      await page.goto(`${URL_OF_RUN}/m/${form}`);
      await page.locator(".field, .check").first().waitFor();
      await showRest(page);
      await checkSmallest(page, form);
    }
  });
});
