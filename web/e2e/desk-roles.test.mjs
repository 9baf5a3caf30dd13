/* What the administrators, the auditor and the finance officer do at the desk by mouse: people and grants that two decide, security rules,
   a client's secret, subscriptions, saved views and exports, the log; and the newer services by what they say of themselves. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import test from "node:test";
import { Account, DEMO_PASSWORD, URL_OF_RUN } from "./api.mjs";
import { checkScreen } from "./browser.mjs";
import { addRow, COUNTY, createRecord, doAct, fieldOf, fillForm, fillSignIn, makeMove, openDesks, openPage, openWork, press } from "./desk.mjs";

const admin = new Account("admin");
const bureau = new Account("zeku.bureau");
const finance = new Account("zeku.finance");
const MARK = String(Date.now()).slice(-6);
const FIRST = `Anquan-${MARK}-Yi`;
const OWN = `Anquan-${MARK}-Er`;

test("other roles at the desk", async (t) => {
  const { today } = await bureau.get("/home");
  const desk = await openDesks();
  let page = await desk.as("admin", DEMO_PASSWORD);

  const openAccount = async (name, person, role) => {
    await openPage(page, "/new/account", "新建账号");
    await fillForm(page, { 用户名: name, 姓名: person, 初始口令: FIRST, 区划: "泽库县" });
    await addRow(page, "授权", { 角色: role, 区划: "泽库县" });
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.waitForURL(new RegExp(`/record/account/${name}$`));
  };

  await t.test("the administrator opens two accounts of security administrators, and ends the sessions of one", async () => {
    await openPage(page, "/list/account", "账号");
    await page.getByText("zeku.finance").first().waitFor();
    await openAccount(`an.${MARK}`, "安一", "安全管理员");
    await openAccount(`quan.${MARK}`, "安二", "安全管理员");
    const made = await admin.get(`/users/an.${MARK}`);
    assert.deepEqual(made.grants.map((one) => [one.role, one.region]), [["security_admin", COUNTY]]);
    await doAct(page, "结束全部登录");
  });

  await t.test("a security rule is proposed by one and confirmed by another, who reads what is proposed", async () => {
    page = await desk.as(`an.${MARK}`, FIRST, OWN);
    await openPage(page, "/rules", "规则");
    await page.getByRole("button", { name: /^授权须第二名管理员确认的角色/ }).click();
    await page.getByLabel("领导", { exact: true }).check();
    await page.getByLabel("依据").fill(`泽网信〔2026〕${MARK.slice(-3)}号`);
    await checkScreen(page, "rule");
    await page.getByRole("button", { name: "提出新的值" }).click();
    await page.getByText("已提出，由另一位安全管理员").waitFor();
    page = await desk.as(`quan.${MARK}`, FIRST, OWN);
    await page.locator("tbody a[data-row]", { hasText: "确认安全规则修改" }).first().click();
    await page.getByText("提出的值").waitFor();
    await page.locator("dd", { hasText: "领导" }).first().waitFor();
    await checkScreen(page, "proposal");
    await makeMove(page, "确认");
    await page.locator(".headline").getByText("已确认").waitFor();
  });

  await t.test("a grant of such a role waits for the second person, who finds it", async () => {
    page = await desk.as("admin");
    await openAccount(`ling.${MARK}`, "凌志", "领导");
    assert.deepEqual((await admin.get(`/users/ling.${MARK}`)).grants.map((one) => one.waiting), [true]);
    page = await desk.as(`an.${MARK}`);
    await openPage(page, "/", "我的工作");
    await page.getByRole("button", { name: "待确认的授权" }).click();
    await page.getByRole("link", { name: "凌志" }).click();
    await page.getByRole("heading", { name: "凌志", level: 1 }).waitFor();
    await doAct(page, "确认授权");
    assert.deepEqual((await admin.get(`/users/ling.${MARK}`)).grants.map((one) => one.waiting), [false]);
  });

  await t.test("a passkey is registered, signs in, is renamed and removed; a foreign address offers none", async () => {
    const home = URL_OF_RUN.replace("127.0.0.1", "localhost"); // an IP address is no rp id
    page = await (await desk.as("admin")).context().newPage();
    const line = await page.context().newCDPSession(page);
    await line.send("WebAuthn.enable");
    await line.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
    const work = page.getByRole("heading", { name: "我的工作", level: 1 });
    const signIn = async (url, password) => {
      await page.goto(`${url}/desk/`);
      await fillSignIn(page, `ling.${MARK}`, password);
    };
    await signIn(home, FIRST);
    await page.getByLabel("新口令").fill(OWN);
    await press(page, "登录", work);
    await page.getByRole("link", { name: /登录安全/ }).click();
    await page.getByLabel("称呼").fill("办公室电脑");
    await press(page, "登记通行密钥", page.getByText("恢复码只显示这一次"));
    await checkScreen(page, "security");
    await page.getByRole("button", { name: "退出" }).click();
    await signIn(home, OWN);
    await press(page, "用通行密钥登录", work);
    await page.getByRole("link", { name: /登录安全/ }).click();
    await page.getByRole("button", { name: "给“办公室电脑”改名" }).click();
    await page.getByLabel("新的称呼").fill("新电脑");
    await press(page, "保存", page.getByText("称呼已改"));
    await signIn(URL_OF_RUN, OWN);
    await page.getByText("您的通行密钥只能在 localhost 使用").waitFor();
    await page.goto(`${home}/desk/security`);
    await press(page, "删除“新电脑”", page.getByText("“新电脑”已删除"));
    await page.close();
  });

  await t.test("a client's secret is shown once", async () => {
    page = await desk.as("admin");
    await openPage(page, "/new/client", "新建机器客户端");
    await fillForm(page, { 编号: `bank.${MARK}`, 名称: "银行前置机", 区划: "凉州区" });
    await page.getByLabel("登记支付结果").check();
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.getByText("只显示这一次，请现在记下").waitFor();
    assert.ok((await page.locator("code").first().innerText()).length > 20);
    assert.deepEqual((await admin.get(`/clients/bank.${MARK}`)).scopes, ["payment:settle"]);
    await page.getByRole("link", { name: "记好了" }).click();
    await page.getByRole("heading", { name: "机器客户端", level: 1 }).waitFor();
  });

  await t.test("another system subscribes; each delivery is listed with what became of it, and sent again by mouse", async (step) => {
    let answer = 503;
    const receiver = createServer((request, reply) => request.resume().once("end", () => reply.writeHead(answer).end()));
    await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
    step.after(() => receiver.close());
    page = await desk.as("zeku.finance");
    await openPage(page, "/webhooks", "数据推送");
    await page.getByLabel("系统名称").fill(`财政一体化${MARK}`);
    await page.getByLabel("接收地址").fill(`http://127.0.0.1:${String(receiver.address().port)}/funds`);
    await page.getByRole("button", { name: "订阅", exact: true }).click();
    const row = page.locator("tbody tr", { hasText: `财政一体化${MARK}` });
    await row.getByText("正常").waitFor();
    const source = await finance.post("/funds/sources", {
      region: COUNTY, document_no: `青财农字〔2026〕${MARK}号`, title: `推送试验${MARK}`, fiscal_year: 2026, level: "city", fund: "bridging", amount: "1000.00", document_date: today, received_on: today,
    });
    await row.getByRole("button", { name: "看推送" }).click();
    const list = page.getByRole("region", { name: /最近的推送/ });
    const refresh = list.getByRole("button", { name: "刷新" });
    await until(() => refresh.click(), row.getByText(/^重试中/));
    const sent = list.locator("tbody tr", { has: page.locator(`a[href$="/record/source/${source.id}"]`) });
    await sent.filter({ hasText: "待送" }).getByText("答复 503").waitFor();
    await checkScreen(page, "webhooks");
    answer = 200;
    await row.getByRole("button", { name: "现在再送" }).click();
    await until(() => refresh.click(), sent.getByText("已送达"));
    await row.getByRole("button", { name: "看密钥" }).click();
    await page.getByText("签名密钥，查看已记入日志").waitFor();
    await row.getByRole("button", { name: "停用" }).click();
    await row.getByRole("button", { name: "启用" }).waitFor();
  });

  await t.test("a view keeps filter and columns; its export has exactly what is shown", async () => {
    page = await desk.as("zeku.bureau");
    await openPage(page, "/list/project?year=2023", "项目");
    await page.locator("tbody th").first().waitFor();
    const all = await page.locator("thead th").count();
    await page.getByRole("button", { name: /^列 / }).click();
    for (const name of ["已下达", "已支付", "区划"]) {
      const box = page.getByRole("group", { name: "要看的列" }).getByLabel(name, { exact: true });
      if (await box.count()) await box.setChecked(false);
    }
    await page.getByLabel("视图名称").fill("去年的项目");
    await page.getByRole("button", { name: "保存视图" }).click();
    const heads = await page.locator("thead th").allInnerTexts();
    assert.ok(heads.length < all);
    await page.getByRole("navigation", { name: "保存的视图" }).getByRole("link", { name: "全部" }).click();
    await page.waitForURL((url) => !url.search);
    await page.getByRole("link", { name: "去年的项目" }).click();
    await page.waitForURL(/year=2023/);
    await page.locator(".clip[aria-busy=false]").waitFor();
    assert.deepEqual(await page.locator("thead th").allInnerTexts(), heads);
    const shown = await page.locator("tbody th").allInnerTexts();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^导出这/ }).click()]);
    const lines = (await readFile(await download.path(), "utf-8")).trim().split("\r\n");
    assert.equal(lines.length, shown.length + 3);
    assert.deepEqual(lines[1].split(",").sort(), heads.map((one) => one.trim()).sort());
    assert.equal(download.suggestedFilename(), `项目-${String(shown.length)}条.csv`);
  });

  await t.test("a finding is entered, claimed with its measures, and worked at", async () => {
    const number = `ZG-${MARK}`;
    const id = await createRecord(page, "rectification_item", "整改问题", {
      来源: "审计", 文号: `审农〔2026〕${MARK.slice(-3)}号`, 问题编号: number, 反馈日期: today, 问题类别: "项目管理", 存在问题: `项目资料不齐${MARK}`, 区划: "叶金木村",
    });
    await checkScreen(page, "rectification");
    page = await desk.as("zeku.town");
    await openPage(page, `/record/rectification_item/${id}`, `项目资料不齐${MARK}`);
    await page.getByRole("link", { name: "修改", exact: true }).click();
    await fillForm(page, { 责任单位: "王家乡人民政府", 责任人: "才让", 完成期限: "2027-06-30" });
    await addRow(page, "措施", { 措施序号: "1", 整改措施: "补齐会议记录和公示照片", 完成期限: "2027-06-30" });
    await page.getByRole("button", { name: "保存修改" }).click();
    await page.getByRole("heading", { name: "可以办的事" }).waitFor();
    await makeMove(page, "认领");
    assert.equal((await bureau.get(`/rectification/items/${id}`)).state, "rectifying");
  });

  await t.test("a task of the year's work plan is reported by one and confirmed by another", async () => {
    page = await desk.as("zeku.bureau");
    const plan = await createPlan(page, today);
    const detail = await bureau.get(`/workplan/plans/${plan}`);
    const target = await bureau.post("/workplan/targets", { item_id: detail.items[0].id, name: `新建暖棚${MARK}`, unit: "place", value: "100", due_on: `${today.slice(0, 4)}-12-31` });
    page = await desk.as("zeku.town");
    await openPage(page, `/record/work_target/${target.id}`, `新建暖棚${MARK}`);
    await doAct(page, "填报进度", { 截至日期: today, 累计数: "60", 附件: "佐证.pdf" });
    page = await desk.as("zeku.bureau");
    await openWork(page);
    await page.locator("tbody tr", { hasText: `新建暖棚${MARK}` }).getByRole("link", { name: "有进度待核实的指标" }).click();
    await page.getByRole("heading", { name: /^各次进度/ }).waitFor();
    await page.getByRole("link", { name: "核实", exact: true }).click();
    await fillForm(page, { 属实: true });
    await page.getByRole("button", { name: "核实", exact: true }).click();
    await page.getByRole("heading", { name: "可以办的事" }).waitFor();
    assert.equal(Number((await bureau.get(`/workplan/targets/${target.id}`)).reached), 60);
    await checkScreen(page, "work-target");
  });

  await t.test("the auditor verifies the log of every service", async () => {
    page = await desk.as("zeku.auditor");
    await openPage(page, "/log", "日志核验");
    const found = page.locator("tbody .st.ok", { hasText: "没有改动" });
    await found.nth(3).waitFor();
    assert.equal(await page.locator("tbody .st.bad").count(), 0);
  });

  await t.test("whoever signs out is asked for the password again", async () => {
    page = await desk.as(`quan.${MARK}`);
    await page.getByRole("button", { name: "退出" }).click();
    await page.getByLabel("账号").waitFor();
  });
  await desk.end();
});

/** Looks again until it is there: the relay sends in its own time. */
async function until(look, found) {
  for (let tries = 0; tries < 60 && !(await found.count()); tries += 1) {
    await look();
    await found.first().waitFor({ timeout: 500 }).catch(() => undefined);
  }
  await found.first().waitFor();
}

async function createPlan(page, today) {
  await openPage(page, "/new/work_plan", "新建工作要点");
  await fillForm(page, { 年度: today.slice(0, 4), 标题: `工作要点${MARK}`, 印发日期: today, 区划: "泽库县" });
  await addRow(page, "任务", { 项号: "1", 所在部分: "产业", 标题: "发展畜牧业", 责任单位: "农牧水利和科技局" });
  await fieldOf(page, "内容").last().fill("新建暖棚100栋");
  await page.getByRole("button", { name: "保存", exact: true }).click();
  await page.waitForURL(/\/desk\/record\//);
  return page.url().split("/").pop();
}
