/* What the other roles do at the desk by mouse: people and their grants, clients, sessions, proposals, pushes, the log. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, DEMO_PASSWORD, URL_OF_RUN } from "./api.mjs";
import { changePerson, createRecord, doAct, fillForm, openDesk, openPage, signInDesk } from "./desk.mjs";

const admin = new Account("admin");
const MARK = String(Date.now()).slice(-6);

test("other roles at the desk", async (t) => {
  const desk = await openDesk();
  const { page } = desk;

  await t.test("the administrator opens an account, grants a role, ends its sessions", async () => {
    await signInDesk(page, "admin", DEMO_PASSWORD);
    await openPage(page, "/new/account", "新建账号");
    await fillForm(page, { 用户名: `zhang.${MARK}`, 姓名: "张三", 口令: `Zhang-${MARK}-Li` });
    await page.getByRole("button", { name: "加一项" }).click();
    await page.screenshot({ path: "/tmp/d1.png", fullPage: true });
    await fillForm(page, { 角色: "审计监督" });
  });
  await page.screenshot({ path: "/tmp/d2.png", fullPage: true });
  await desk.end();
});
