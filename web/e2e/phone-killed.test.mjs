/* A phone whose browser is killed in the middle: session, pages and queue are there at the next start, without a network. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, URL_OF_RUN } from "./api.mjs";
import { addPhoto, cutLine, fill, openPhone, readQueue, restoreLine, signIn, waitUntilIdle } from "./phone.mjs";

const MARK = `断电前的实事${String(Date.now())}`;
const ITEMS = 3;

async function write(page, words) {
  await page.goto(`${URL_OF_RUN}/m/#/form/deed/create`);
  await page.getByLabel("种类", { exact: true }).selectOption({ index: 1 });
  await fill(page, { 内容: words });
}

test("a browser killed in the middle", async () => {
  let phone = await openPhone();
  await signIn(phone.page, "zeku.cadre");
  await cutLine(phone);
  for (let place = 1; place <= ITEMS; place += 1) {
    await write(phone.page, `${MARK}第${String(place)}件`);
    if (place === ITEMS) await addPhoto(phone.page);
    await phone.page.getByRole("button", { name: /^提交/ }).click();
    await phone.page.getByText(/已存在手机里|待发送/).first().waitFor();
  }
  await phone.shoot();

  phone = await openPhone(phone.profile);
  await cutLine(phone);
  await phone.page.goto(`${URL_OF_RUN}/m/`);
  await phone.page.getByRole("navigation", { name: "主导航" }).waitFor();
  const kept = await readQueue(phone.page);
  assert.deepEqual(kept.filter((one) => one.title.includes(MARK)).length, ITEMS, "all that was submitted is kept");

  await restoreLine(phone);
  await phone.page.getByRole("button", { name: "现在发送" }).click();
  await waitUntilIdle(phone.page);
  const cadre = new Account("zeku.cadre");
  const made = (await cadre.get("/attendance/deeds?limit=100")).items.filter((one) => one.content.includes(MARK));
  assert.deepEqual(made.map((one) => one.content).sort(), Array.from({ length: ITEMS }, (_, at) => `${MARK}第${String(at + 1)}件`));
  assert.equal(made.filter((one) => one.photos.length === 1).length, 1);
  await phone.end();
});
