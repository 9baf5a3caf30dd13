/* Two persons share a phone: neither sees nor sends what the other wrote. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, DEMO_PASSWORD, URL_OF_RUN } from "./api.mjs";
import { checkScreen } from "./browser.mjs";
import { cutLine, fill, openPhone, openTab, readQueue, restoreLine, signIn, waitUntilIdle } from "./phone.mjs";

const MARK = `第一人的实事${String(Date.now())}`;

async function leave(page) {
  await openTab(page, "我的");
  await page.getByRole("button", { name: "退出，换人用" }).click();
  await page.getByRole("button", { name: "确定退出" }).click();
  await page.getByLabel("账号").waitFor();
}

test("two persons on one phone", async () => {
  const phone = await openPhone();
  const { page } = phone;
  await signIn(page, "zeku.cadre");
  await cutLine(phone);
  await page.goto(`${URL_OF_RUN}/m/#/form/deed/create`);
  await page.getByLabel("种类", { exact: true }).selectOption({ index: 1 });
  await fill(page, { 内容: `${MARK}帮老人买药` });
  await page.getByRole("button", { name: /^提交/ }).click();
  assert.equal((await readQueue(page)).length, 1);
  await leave(page);

  await restoreLine(phone);
  await signIn(page, "cadre", DEMO_PASSWORD);
  assert.deepEqual(await readQueue(page), []);
  await page.getByRole("button", { name: "现在发送" }).click();
  await waitUntilIdle(page);
  assert.ok(!(await page.content()).includes(MARK));
  const first = new Account("zeku.cadre");
  const sent = async () => (await first.get("/attendance/deeds?limit=100")).items.filter((one) => one.content.includes(MARK));
  assert.deepEqual(await sent(), []);
  await leave(page);

  await signIn(page, "zeku.cadre");
  await page.locator("article.q", { hasText: MARK }).getByText(/已记录|已收下/).waitFor();
  assert.deepEqual((await sent()).map((one) => one.person), ["zeku.cadre"]);

  await openTab(page, "我的");
  await page.getByRole("link", { name: "登录安全" }).click();
  await page.getByText("通行密钥只能在 http://localhost").waitFor();
  await checkScreen(page, "security");
  await phone.end();
});
