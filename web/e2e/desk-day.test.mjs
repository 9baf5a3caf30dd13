/* An officer's day at the desk: what waits, lists, a move, and everything that can go wrong while typing. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { Account, URL_OF_RUN } from "./api.mjs";
import { checkScreen, takePicture } from "./browser.mjs";
import { COUNTY, createDraft, createReadyDraft, fieldOf, fillSignIn, openDesk, openPage, signInDesk } from "./desk.mjs";

const OFFICER = "zeku.bureau";
const MARK = String(Date.now()).slice(-6);
const officer = new Account(OFFICER);

test("an officer's day", async (t) => {
  const desk = await openDesk();
  const { page } = desk;

  await t.test("signs in; a wrong password is told", async () => {
    await page.goto(`${URL_OF_RUN}/desk/`);
    await page.getByLabel("账号").waitFor();
    await checkScreen(page, "sign-in");
    await fillSignIn(page, OFFICER, "a wrong password");
    await page.getByRole("alert").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "sign-in-refusal");
    await signInDesk(page, OFFICER);
  });

  await t.test("finds what waits, the late first", async () => {
    const told = page.getByText(/^等我办的[1-9]\d*件/);
    let waiting = "";
    // Other specs work for the same officer meanwhile.
    for (let tries = 0; tries < 5 && !(waiting && (await told.innerText()).includes(waiting)); tries += 1) {
      if (tries) await page.reload();
      await told.waitFor();
      waiting = `等我办的${String((await officer.get("/home")).waiting)}件`;
    }
    assert.ok((await told.innerText()).includes(waiting), waiting);
    await page.locator("tbody a[data-row]").first().waitFor();
    await checkScreen(page, "work");
    await takePicture(page, "desk-work");
    await page.locator("tbody a[data-row]").first().click();
    await page.waitForURL(/\/desk\/record\//);
    await page.getByRole("heading", { name: "可以办的事" }).waitFor();
    await page.getByRole("heading", { name: "这笔钱走到哪里" }).waitFor();
    await takePicture(page, "desk-record");
  });

  await t.test("filters a list; the address keeps the filter, the export has those rows", async () => {
    const state = "planned";
    const expected = await officer.get(`/projects?state=${state}&year=2023&limit=200`);
    await openPage(page, "/list/project", "项目");
    await page.locator("form.filters label", { hasText: /^年度/ }).locator("input").fill("2023");
    await page.locator("form.filters label", { hasText: /^年度/ }).locator("input").press("Enter");
    await page.waitForURL(/year=2023/);
    await openPage(page, `/list/project?year=2023&state=${state}`, "项目");
    await page.getByText(`显示全部${String(expected.items.length)}条`).waitFor();
    assert.deepEqual((await page.locator("tbody th").allInnerTexts()).sort(), expected.items.map((one) => one.name).sort());
    await checkScreen(page, "list");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^导出这/ }).click()]);
    assert.equal(download.suggestedFilename(), `项目-${String(expected.items.length)}条.csv`);
    const lines = (await readFile(await download.path(), "utf-8")).trim().split("\r\n");
    assert.match(lines[0], new RegExp(`项目,共${String(expected.items.length)}条,.*2023`));
    assert.equal(lines.length, expected.items.length + 3);
    for (const one of expected.items) assert.ok(lines.some((line) => line.includes(one.name)), one.name);
    const total = expected.items.reduce((sum, one) => sum + Number(one.total), 0);
    assert.match(lines.at(-1), new RegExp((total / 10_000).toFixed(2)));
  });

  await t.test("a record says what a move lacks", async () => {
    const draft = await createDraft(officer, `只有名称的项目${MARK}`);
    await openPage(page, `/record/project/${draft.id}`, draft.name);
    const lacking = draft.available_actions?.find((one) => one.action === "declare")?.missing ?? (await officer.get(`/projects/${draft.id}`)).available_actions.find((one) => one.action === "declare").missing;
    assert.ok(lacking.length > 1);
    const told = page.locator("#missing-declare");
    for (const one of lacking) await told.getByText(one.detail, { exact: true }).first().waitFor();
    await checkScreen(page, "record");
  });

  await t.test("a move: what is missing is told by the server, then it is checked and done", async () => {
    const draft = await createReadyDraft(officer, `通村道路${MARK}`);
    await officer.post(`/projects/${draft.id}/declare`, {}, { "If-Match": `"${draft.version}"` });
    await openPage(page, `/record/project/${draft.id}`, draft.name);
    await page.getByRole("link", { name: "撤回申报" }).click();
    await page.getByRole("heading", { name: "撤回申报", level: 1 }).waitFor();
    await page.getByRole("button", { name: "去核对" }).click();
    await page.locator(".field.bad").getByText("理由").first().waitFor();
    assert.equal((await officer.get(`/projects/${draft.id}`)).state, "village_notice");
    await checkScreen(page, "move");
    await fieldOf(page, "理由").fill("会议记录须补签到表");
    await page.getByRole("button", { name: "去核对" }).click();
    await page.getByRole("button", { name: "确认撤回申报" }).waitFor();
    assert.equal((await officer.get(`/projects/${draft.id}`)).state, "village_notice", "a check changes nothing");
    await page.getByRole("button", { name: "确认撤回申报" }).click();
    await page.getByRole("heading", { name: draft.name, level: 1 }).waitFor();
    await page.locator(".headline").getByText("退回修改").waitFor();
    const after = await officer.get(`/projects/${draft.id}`);
    assert.deepEqual([after.state, after.version > draft.version], ["returned", true]);
  });

  await t.test("bad input is marked at its field in the server's words", async () => {
    const draft = await createDraft(officer, `有号码的项目${MARK}`);
    await openPage(page, `/record/project/${draft.id}/change`, "修改项目");
    const refused = page.waitForResponse((answer) => answer.request().method() === "PATCH");
    await fieldOf(page, "内容").fill("硬化道路，有事找13812345678");
    await page.getByRole("button", { name: "保存修改" }).click();
    const problem = await (await refused).json();
    const [error] = problem.errors;
    assert.equal(error.pointer, "/content");
    await page.locator("#f-content-err").getByText(error.detail, { exact: true }).waitFor();
    await page.getByRole("alert").getByRole("link", { name: error.detail }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "f-content");
    await checkScreen(page, "refused");
    await fieldOf(page, "内容").fill("硬化道路三公里");
    await page.getByRole("button", { name: "保存修改" }).click();
    await page.getByRole("heading", { name: draft.name, level: 1 }).waitFor();
    assert.equal((await officer.get(`/projects/${draft.id}`)).content, "硬化道路三公里");
  });

  await t.test("a session lost while typing keeps what was typed", async () => {
    const draft = await createDraft(officer, `失效时的项目${MARK}`);
    await openPage(page, `/record/project/${draft.id}/change`, "修改项目");
    await fieldOf(page, "内容").fill("改造供水管道两处");
    await page.evaluate(() => sessionStorage.removeItem("xianjie.session"));
    await page.route("**/api/v1/projects/**", async (route) => route.continue({ headers: { ...route.request().headers(), authorization: "Bearer ended" } }));
    await page.getByRole("button", { name: "保存修改" }).click();
    const cover = page.getByRole("dialog", { name: "登录已失效，请重新登录" });
    await cover.waitFor();
    await checkScreen(page, "session-lost");
    await page.unroute("**/api/v1/projects/**");
    assert.equal((await officer.get(`/projects/${draft.id}`)).content, "");
    await fillSignIn(page, OFFICER);
    await page.getByRole("heading", { name: draft.name, level: 1 }).waitFor();
    assert.equal((await officer.get(`/projects/${draft.id}`)).content, "改造供水管道两处");
  });

  await t.test("a record changed beside: other fields stand together, the same field is told and nothing is lost", async () => {
    const draft = await createDraft(officer, `两人改的项目${MARK}`);
    const changeBeside = async (body) => {
      const { version } = await officer.get(`/projects/${draft.id}`);
      assert.equal((await officer.request("PATCH", `/projects/${draft.id}`, body, { "If-Match": `"${String(version)}"` })).status, 200);
    };
    const read = async () => {
      const { content, goal } = await officer.get(`/projects/${draft.id}`);
      return [content, goal];
    };
    await openPage(page, `/record/project/${draft.id}/change`, "修改项目");
    await fieldOf(page, "内容").fill("我写的内容");
    await changeBeside({ goal: "别人写的目标" });
    await page.getByRole("button", { name: "保存修改" }).click();
    await page.getByRole("heading", { name: draft.name, level: 1 }).waitFor();
    assert.deepEqual(await read(), ["我写的内容", "别人写的目标"]);

    await openPage(page, `/record/project/${draft.id}/change`, "修改项目");
    await fieldOf(page, "内容").fill("我再写的内容");
    await changeBeside({ content: "别人写的内容" });
    await page.getByRole("button", { name: "保存修改" }).click();
    await page.getByRole("heading", { name: "这条记录刚被别人改过" }).waitFor();
    await checkScreen(page, "stale");
    assert.deepEqual(await read(), ["别人写的内容", "别人写的目标"]);
    await page.getByRole("button", { name: "看最新的内容" }).click();
    await page.getByText("这里是上次没有办完时填的内容。").waitFor();
    assert.equal(await fieldOf(page, "内容").inputValue(), "我再写的内容");
    await page.getByRole("button", { name: "保存修改" }).click();
    await page.getByRole("heading", { name: draft.name, level: 1 }).waitFor();
    assert.deepEqual(await read(), ["我再写的内容", "别人写的目标"]);
  });

  await t.test("a move of a record changed beside: what was changed is told before it is confirmed", async () => {
    const draft = await createReadyDraft(officer, `办理时被改的项目${MARK}`);
    await openPage(page, `/record/project/${draft.id}/do/declare`, "申报");
    const changed = await officer.request("PATCH", `/projects/${draft.id}`, { goal: "别人改的目标" }, { "If-Match": `"${String(draft.version)}"` });
    await page.getByRole("button", { name: "去核对" }).click();
    await page.getByText(/您打开以后这条记录有改动：.*年度目标/).waitFor();
    const again = await officer.request("PATCH", `/projects/${draft.id}`, { content: "硬化道路4公里" }, { "If-Match": changed.tag });
    assert.equal(again.status, 200);
    await page.getByRole("button", { name: "确认申报" }).click();
    await page.getByText(/您打开以后这条记录有改动：.*内容/).waitFor();
    assert.equal((await officer.get(`/projects/${draft.id}`)).state, "draft", "nothing is done before it is seen");
    await checkScreen(page, "move-changed");
    await page.getByRole("button", { name: "确认申报" }).click();
    await page.getByRole("heading", { name: draft.name, level: 1 }).waitFor();
    assert.equal((await officer.get(`/projects/${draft.id}`)).state, "village_notice");
  });

  await t.test("a value of a rule is tried on the records before it is proposed, and nothing is saved", async () => {
    const key = "warning.not_started";
    const [rule] = await officer.get(`/projects/rules?prefix=${key}`);
    const { value_schema: schema, trial } = await officer.get(`/projects/rules/${key}/shape`);
    const versions = await officer.get(`/projects/rules/${key}`);
    const { today } = await officer.get("/home");
    const entry = { key, title: rule.title, region: COUNTY, effective_from: today, basis: "试算", confirmed: true, value: { ...rule.value, days: 1 } };
    const tried = await officer.post(trial.replace("/api/v1", ""), entry);
    await openPage(page, "/rules", "规则");
    await page.getByRole("button", { name: rule.title }).click();
    await fieldOf(page, schema.properties.days.title).fill("1");
    await page.getByRole("button", { name: "试算", exact: true }).click();
    const told = page.getByRole("status", { name: "试算" });
    await told.getByText(`现行规则命中${String(tried.found_now)}件，换成这个值命中${String(tried.found_then)}件；多出${String(tried.raised_count)}件`).waitFor();
    assert.equal(await told.getByText("多出", { exact: true }).count(), tried.raised.length);
    await checkScreen(page, "rule-trial");
    assert.deepEqual(await officer.get(`/projects/rules/${key}`), versions);
  });

  await t.test("the leader's page opens to its rows; the map has the outlines of this installation and their review number", async () => {
    await openPage(page, "/overview?year=2023", /2023年资金项目一页/);
    await page.locator(".kpis a").first().waitFor();
    await page.getByRole("group", { name: "项目分布" }).locator('svg path[stroke="#46525e"]').waitFor({ state: "attached" });
    await page.getByText("审图号：测试用图").waitFor();
    await checkScreen(page, "leader");
    const stage = page.locator(".leader .bars").first();
    const count = Number((await stage.locator("span.num").first().innerText()).replace("个", ""));
    await stage.getByRole("link").first().click();
    await page.getByRole("heading", { name: "项目", level: 1 }).waitFor();
    await page.getByText(`显示全部${String(count)}条`).waitFor();
    assert.ok(count > 0);
    assert.equal(await page.locator("tbody th a").count(), count);
  });

  await desk.end();
});
