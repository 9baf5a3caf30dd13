/* A county's register with heads of its own: columns are named on the screen, cells corrected in place, then written. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import test from "node:test";
import { Account, DEMO_PASSWORD } from "./api.mjs";
import { checkScreen, takePicture } from "./browser.mjs";
import { openDesk, openPage, signInDesk } from "./desk.mjs";

const FOLDER = new URL("../../tests/data/workbooks/", import.meta.url);
const BOOK = readdirSync(FOLDER).find((name) => /^07.*\.xls$/.test(name));
const CHOSEN = { 资产名称: "name", 资产原值: "total", 形成时间: "year" };
const YEAR = "2021";

test("imports a register with unknown heads", async () => {
  const officer = new Account("bureau");
  const list = () => officer.get(`/projects?year=${YEAR}&limit=200`);
  const before = (await list()).items.length;
  const desk = await openDesk();
  const { page } = desk;
  await signInDesk(page, "bureau", DEMO_PASSWORD);
  await openPage(page, "/import", "导入项目");
  await page.getByLabel("选择表格").setInputFiles(fileURLToPath(new URL(BOOK, FOLDER)));
  await page.getByText(/^还不能读：.*缺少列/).waitFor();
  await checkScreen(page, "import-heads");
  for (const [head, key] of Object.entries(CHOSEN)) await page.getByLabel(`${head}写到`).selectOption(key);
  await page.getByRole("button", { name: "按改好的再查" }).click();
  await page.getByRole("heading", { name: /^要改的\d+处/ }).waitFor();
  const cells = page.locator("input.cell-edit");
  const wrong = await cells.count();
  assert.ok(wrong > 1);
  await checkScreen(page, "import-faults");
  await takePicture(page, "desk-import");
  for (const cell of await cells.all()) {
    await cell.fill(YEAR);
    await cell.press("Tab");
  }
  await page.getByRole("button", { name: "按改好的再查" }).click();
  await page.getByRole("button", { name: "写入8行" }).waitFor();
  assert.equal(await cells.count(), 0);
  assert.equal((await list()).items.length, before, "a check writes nothing");
  await page.getByRole("button", { name: "写入8行" }).click();
  await page.getByText("已写入", { exact: true }).waitFor();
  const made = (await list()).items;
  assert.equal(made.length - before, wrong);
  assert.ok(made.every((one) => one.state === "draft"));
  assert.ok((await officer.get(`/projects?q=${encodeURIComponent("马铃薯储藏窖")}`)).items.length > 0, "a row without a fault");
  await checkScreen(page, "import-result");
  await desk.end();
});
