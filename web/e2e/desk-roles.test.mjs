/* What the administrator and the auditor do at the desk by mouse: people and grants, a client's secret, sessions, the log. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, DEMO_PASSWORD } from "./api.mjs";
import { changePerson, doAct, fillForm, openDesk, openPage, signInDesk } from "./desk.mjs";

const admin = new Account("admin");
const MARK = String(Date.now()).slice(-6);

test("other roles at the desk", async (t) => {
  const desk = await openDesk();
  const { page } = desk;
  await signInDesk(page, "admin", DEMO_PASSWORD);

  await t.test("the administrator finds accounts, opens one with a role, ends its sessions", async () => {
    await openPage(page, "/list/account", "账号");
    await page.getByRole("link", { name: "zeku.finance" }).or(page.getByText("zeku.finance")).first().waitFor();
    await openPage(page, "/new/account", "新建账号");
    await fillForm(page, { 用户名: `zhang.${MARK}`, 姓名: "张三丰", 初始口令: `Zhang-${MARK}-Li`, 区划: "凉州区" });
    await page.getByRole("button", { name: "加一项" }).click();
    await fillForm(page, { 角色: "审计", 区划: "凉州区" });
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.waitForURL(new RegExp(`/record/account/zhang\\.${MARK}$`));
    const made = await admin.get(`/users/zhang.${MARK}`);
    assert.deepEqual(made.grants.map((one) => [one.role, one.region]), [["auditor", "620602000000"]]);
    await doAct(page, "结束全部登录");
  });

  await t.test("a client's secret is shown once", async () => {
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

  await t.test("the auditor verifies the log of every service", async () => {
    await changePerson(page, "zeku.auditor");
    await openPage(page, "/log", "日志核验");
    const found = page.locator("tbody .st.ok", { hasText: "没有改动" });
    await found.nth(3).waitFor();
    assert.equal(await page.locator("tbody .st.bad").count(), 0);
  });
  await desk.end();
});
