/* A villager objects to a notice in a browser without JavaScript; an officer answers at the desk. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, URL_OF_RUN } from "./api.mjs";
import { checkScreen, openDevice, PIXEL } from "./browser.mjs";
import { createReadyDraft, fieldOf, openDesk, signInDesk } from "./desk.mjs";

const OFFICER = "zeku.bureau";
/** Who posted the notice does not decide on objections to it. */
const JUDGE = "zeku.director";
const officer = new Account(OFFICER);
const MARK = String(Date.now()).slice(-6);

async function postNotice() {
  const draft = await createReadyDraft(officer, `公示的道路${MARK}`);
  await officer.post(`/projects/${draft.id}/declare`, {}, { "If-Match": `"${draft.version}"` });
  const { today } = await officer.get("/home");
  return officer.post(`/projects/${draft.id}/notices`, { level: "village", places: ["村务公开栏"], starts_on: today });
}

test("a villager's objection", async (t) => {
  const notice = await postNotice();
  const text = `道路绕开了三社，请说明原因。${MARK}`;
  const answer = `三社道路列入下一批，已到户说明。${MARK}`;
  const villager = await openDevice({ ...PIXEL, javaScriptEnabled: false });
  const desk = await openDesk();
  let number = "";

  await t.test("is sent and gets a number without JavaScript", async () => {
    const { page } = villager;
    await page.goto(`${URL_OF_RUN}/`);
    await page.getByRole("link", { name: notice.title }).click();
    await page.getByLabel("您的意见").fill("短");
    await page.getByRole("button", { name: "提交异议" }).click();
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByLabel("您的意见").inputValue(), "短");
    await page.getByLabel("您的意见").fill(text);
    await page.getByRole("button", { name: "提交异议" }).click();
    await page.getByText("已收到您的异议").waitFor();
    number = await page.locator(".number").innerText();
    assert.match(number, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    await page.getByText("正在核实").waitFor();
  });

  await t.test("waits for an officer at the desk, who answers it there", async () => {
    const { page } = desk;
    await signInDesk(page, JUDGE);
    await page.locator("tbody tr", { hasText: notice.title }).getByRole("link", { name: /有异议待答复/ }).click();
    await page.getByRole("heading", { name: notice.title, level: 1 }).waitFor();
    await page.getByRole("cell", { name: text }).waitFor();
    await checkScreen(page, "notice");
    await page.getByRole("link", { name: "答复", exact: true }).click();
    await page.getByRole("heading", { name: "答复", level: 1 }).waitFor();
    await fieldOf(page, "答复").fill(answer);
    await checkScreen(page, "answer");
    await page.getByRole("button", { name: "答复", exact: true }).click();
    await page.getByRole("heading", { name: notice.title, level: 1 }).waitFor();
    await page.getByRole("cell", { name: answer }).waitFor();
    const [objection] = (await officer.get(`/projects/notices/${notice.id}`)).objections;
    assert.deepEqual([objection.text, objection.answer, objection.upheld], [text, answer, false]);
    assert.equal(await page.getByRole("link", { name: "答复", exact: true }).count(), 0);
    await page.goto(`${URL_OF_RUN}/notices/projects/${notice.id}`);
    await checkScreen(page, "board");
  });

  await t.test("is read by its number without JavaScript", async () => {
    const { page } = villager;
    await page.goto(`${URL_OF_RUN}/objections`);
    await page.getByLabel("回执编号").fill(number);
    await page.getByRole("button", { name: "查询" }).click();
    await page.getByText(answer).waitFor();
    await page.getByText("已答复，异议不成立").waitFor();
  });

  await villager.end();
  await desk.end();
});
