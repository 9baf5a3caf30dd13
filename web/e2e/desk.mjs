/* What an officer does at the desk, by what stands on the screen; and the records that are found there. */
import assert from "node:assert/strict";
import { STORY_PASSWORD, URL_OF_RUN } from "./api.mjs";
import { DESK, openDevice, openOffice } from "./browser.mjs";

export const COUNTY = "632323000000";
export const VILLAGE = "632323202203";
export const PDF = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

export async function openDesk() {
  return openDevice({ ...DESK, acceptDownloads: true });
}

/** An office where several persons work: `page = await office.as("zeku.town")`. */
export async function openDesks() {
  return openOffice({ ...DESK, acceptDownloads: true }, enterDesk);
}

/** Signs in; with `renewed` for the first time, when the password that somebody else knows is changed. */
async function enterDesk(page, name, password = STORY_PASSWORD, renewed = "") {
  await page.goto(`${URL_OF_RUN}/desk/`);
  await fillSignIn(page, name, password);
  if (renewed) {
    await page.getByLabel("新口令").fill(renewed);
    await page.getByRole("button", { name: "登录", exact: true }).click();
  }
  await page.getByRole("heading", { name: "我的工作", level: 1 }).waitFor();
}

export async function openWork(page) {
  await openPage(page, "/", "我的工作");
  await page.locator("tbody a[data-row]").first().waitFor();
}

export async function fillSignIn(page, name, password = STORY_PASSWORD) {
  const account = page.getByLabel("账号");
  if (!(await account.inputValue())) await account.fill(name);
  await page.getByLabel("密码").fill(password);
  await page.getByRole("button", { name: "登录", exact: true }).click();
}

export async function signInDesk(page, name, password = STORY_PASSWORD, url = URL_OF_RUN) {
  await page.goto(`${url}/desk/`);
  await fillSignIn(page, name, password);
  await page.getByRole("heading", { name: "我的工作", level: 1 }).waitFor();
}

export async function openPage(page, path, heading) {
  await page.goto(`${URL_OF_RUN}/desk${path}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

/** The input of a form by its label, with or without the remark that it can be left empty. */
export function fieldOf(page, label) {
  return page.getByLabel(new RegExp(`^${label}(（可不填）)?$`)).and(page.locator("input, select, textarea"));
}

export async function createDraft(officer, name, values) {
  return officer.post("/projects", { name, region: VILLAGE, category: "1.1.1", year: 2026, total: "120000.00", ...values });
}

/** A draft with everything that its declaration needs, and the minutes of the village. */
export async function createReadyDraft(officer, name, values = {}) {
  const target = (kind, title, value, unit) => ({ kind, name: title, operator: ">=", value, unit });
  const draft = await createDraft(officer, name, {
    content: "硬化道路3公里，铺设涵管12处", place: "王家乡叶金木村", planned_start: "2026-12-01", planned_end: "2027-06-30",
    managing_unit: "泽库县农牧水利和科技局", implementing_unit: "王家乡人民政府", quantities: [{ name: "道路", amount: "3", unit: "公里" }],
    money: [{ kind: "central", amount: "120000.00" }], villages: 1, households: 183, people: 802, goal: "按期建成并交付使用",
    targets: [target("quantity", "道路", "3", "公里"), target("quality", "项目(工程)验收合格率", "100", "%"), target("satisfaction", "受益脱贫(监测)户满意度", "95", "%")],
    linkage: "村集体经营, 收益按章程分红, 优先安排脱贫户和监测户务工", operator: "村集体经济合作社",
    land: "not_needed", design: "done", environment: "not_needed", budget: "reviewed", ...values,
  });
  const file = await officer.upload("projects", "会议记录.pdf", PDF, VILLAGE);
  await officer.post(`/projects/${draft.id}/documents`, { kind: "minutes", file_id: file.id, title: "村民代表会议记录" });
  return officer.get(`/projects/${draft.id}`);
}

/** Fills a form by its labels: texts, choices, dates, records found by their name, lists as arrays of such forms. */
export async function fillForm(page, values) {
  for (const [label, value] of Object.entries(values)) {
    const field = fieldOf(page, label).last();
    const [tag, role, popup, type] = await field.evaluate((one) => [one.tagName, one.getAttribute("role"), one.closest(".el-date-editor") !== null, one.type]);
    if (type === "file") {
      const isPicture = value.endsWith(".jpg");
      await field.setInputFiles({ name: value, mimeType: isPicture ? "image/jpeg" : "application/pdf", buffer: isPicture ? await pageOf(page).screenshot({ type: "jpeg", quality: 50 }) : Buffer.from(PDF) });
      await page.getByRole("listitem").filter({ hasText: value }).waitFor();
    } else if (tag === "SELECT") await field.selectOption({ label: value });
    else if (role === "combobox" && !popup) await pickOption(page, field, value);
    else if (typeof value === "boolean") await field.setChecked(value);
    else {
      await field.fill(value);
      if (popup) await field.press("Enter");
    }
  }
}

/** One more item of a list of a form. */
export async function addRow(page, list, values) {
  const group = page.getByRole("group", { name: new RegExp(`^${list}`) });
  await group.getByRole("button", { name: "加一项" }).click();
  await fillForm(group, values);
}

function pageOf(place) {
  return typeof place.page === "function" ? place.page() : place;
}

async function pickOption(place, field, words) {
  await field.click();
  await field.fill(words);
  const list = await field.getAttribute("aria-controls"); // a list that closes may still show the same words
  await pageOf(place).locator(`[id="${list}"]`).getByRole("option", { name: words }).first().click();
}

/** A move of the record that is open: fill in, check, confirm. */
export async function makeMove(page, name, values = {}) {
  await page.locator("ul.do").getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  const more = page.locator("summary", { hasText: "其他可填的" });
  if (Object.keys(values).length && (await more.count())) await more.click();
  await fillForm(page, values);
  await confirmMove(page, name);
}

/** A filled move is checked and confirmed. */
export async function confirmMove(page, name) {
  await press(page, "去核对", page.getByRole("button", { name: `确认${name}` }));
  // Where somebody changed the record meanwhile, that is told first.
  const again = page.getByRole("button", { name: `确认${name}`, disabled: false });
  const done = page.getByRole("heading", { name: "可以办的事" });
  for (let tries = 0; tries < 3 && !(await done.count()); tries += 1) await press(page, `确认${name}`, done.or(again));
  await done.waitFor();
}

/** Presses a button that leads on; a refusal fails with the words that stand on the screen. */
export async function press(page, name, next = page.getByRole("heading", { name: "可以办的事" })) {
  await page.getByRole("button", { name, exact: true }).click();
  const refused = page.getByRole("alert");
  await next.or(refused).first().waitFor();
  assert.ok(await next.count(), `${name}: ${(await refused.allInnerTexts()).join(" ")}`);
}

/** Something done with the record that is open beside its moves. */
export async function doAct(page, name, values = {}) {
  await page.locator("ul.do").getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await fillForm(page, values);
  await press(page, name);
}

/** Creates a record of a kind; the page that opens is the record's. */
export async function createRecord(page, kind, label, values) {
  await openPage(page, `/new/${kind}`, `新建${label}`);
  await fillForm(page, values);
  await page.getByRole("button", { name: "保存", exact: true }).click();
  await page.waitForURL(/\/desk\/record\//);
  return page.url().split("/").pop();
}

/** A project of the story that has its money, with the papers that a start needs, started. */
export async function startProject(town, id, region) {
  const project = await town.get(`/projects/${id}`);
  if (project.state !== "planned") return;
  for (const kind of ["implementation_plan", "contract"]) {
    const file = await town.upload("projects", `${kind}.pdf`, PDF, region);
    await town.post(`/projects/${id}/documents`, { kind, file_id: file.id, title: kind });
  }
  const { version } = await town.get(`/projects/${id}`);
  await town.post(`/projects/${id}/start`, { procurement: "village_build" }, { "If-Match": `"${version}"` });
}
