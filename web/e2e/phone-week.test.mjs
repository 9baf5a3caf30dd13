/* A cadre's week in a valley without a signal: everything is kept, sent once, and answered in words. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account, URL_OF_RUN } from "./api.mjs";
import { checkScreen, takePicture } from "./browser.mjs";
import { addPhoto, cutLine, fill, openPhone, openTab, readQueue, restoreLine, setTime, signIn, waitUntilIdle } from "./phone.mjs";

const DAYS = 5;
const cadre = new Account("zeku.cadre");
/** Days before today; a run against a system in use begins further back. */
const BACK = Number(process.env.XIANJIE_DAYS_BACK ?? 0);
/** One moment for the whole run: it may pass midnight. */
const BEGAN = Date.now();
const day = (back) => new Date(BEGAN + 8 * 3600_000 - (back + Math.sign(back) * BACK) * 24 * 3600_000).toISOString().slice(0, 10);
let phone;
let page;
let before = 0;
/** Unlike any other run's, so that a run against a system in use is judged by its own records. */
const MINUTE = String(new Date().getUTCMinutes()).padStart(2, "0");
const MARK = String(Date.now()).slice(-6);

async function countCheckIns() {
  const found = await cadre.get(`/attendance/check-ins?person=zeku.cadre&from=${day(DAYS + 1)}&limit=200`);
  return found.items.length;
}

test("a cadre's week", async (t) => {
  phone = await openPhone();
  page = phone.page;
  before = await countCheckIns();

  await t.test("signs in once with a network; the screens are readable for everybody", async () => {
    await signIn(page, "zeku.cadre");
    await openTab(page, "今天");
    await page.getByText("在围栏内").waitFor();
    await takePicture(page, "phone-home");
    for (const [name, where] of [["home", "/"], ["todo", "/todo"], ["queue", "/queue"], ["mine", "/mine"], ["month", "/month"], ["write", "/write"], ["assets", "/list/asset"]]) {
      await page.goto(`${URL_OF_RUN}/m/#${where}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await checkScreen(page, name);
    }
  });

  await t.test("records five days without a network, and the app is killed every evening", async () => {
    for (let back = DAYS; back >= 1; back -= 1) {
      await cutLine(phone);
      await setTime(page, `${day(back)}T08:${MINUTE}:00+08:00`);
      const began = Date.now();
      await page.goto(`${URL_OF_RUN}/m/#/`);
      await page.reload();
      await page.getByRole("button", { name: /^上班打卡/ }).click();
      assert.ok(Date.now() - began < 8000, "a start without a network takes too long");
      await page.getByText("现在没有网络").waitFor();
      await setTime(page, `${day(back)}T18:${MINUTE}:00+08:00`);
      await page.getByRole("button", { name: /^下班打卡/ }).click();
      await page.getByText(/下班打卡已存在手机里/).waitFor();
      if (back === 1) await takePicture(page, "phone-offline");
      const profile = phone.profile;
      await phone.kill();
      phone = await openPhone(profile);
      page = phone.page;
    }
  });

  await t.test("writes a visit with two photos, kills the app while typing, and loses nothing", async () => {
    await cutLine(phone);
    await page.goto(`${URL_OF_RUN}/m/#/form/visit/create`);
    await fill(page, { 种类: "其他", 发现的问题: `水管冻裂两处，户主要求尽快修。${MARK}` });
    await page.waitForTimeout(700);
    const profile = phone.profile;
    await phone.kill();
    phone = await openPhone(profile);
    page = phone.page;
    await cutLine(phone);
    await page.goto(`${URL_OF_RUN}/m/#/form/visit/create`);
    await page.getByLabel(/^发现的问题/).waitFor();
    assert.equal(await page.getByLabel(/^发现的问题/).inputValue(), `水管冻裂两处，户主要求尽快修。${MARK}`);
    await page.getByLabel("用途", { exact: true }).selectOption({ index: 1 });
    await addPhoto(page, "一.jpg");
    await page.evaluate(() => window.scrollTo(0, 0));
    await addPhoto(page, "二.jpg");
    await page.getByRole("button", { name: "提交走访" }).click();
    const items = await readQueue(page);
    assert.equal(items.filter((one) => one.fate === "等网络").length, DAYS * 2 + 1);
    await takePicture(page, "phone-queue-offline");
  });

  await t.test("starts without a network within two seconds", async () => {
    const began = Date.now();
    await page.reload();
    await page.getByRole("heading", { name: "待发送", level: 1 }).waitFor();
    await page.locator("article.q").first().waitFor();
    const took = Date.now() - began;
    t.diagnostic(`start without a network: ${took} ms`);
    assert.ok(took < 2000, `${took} ms`);
  });

  await t.test("sends over a line that is slow, is cut, and loses the server's answer", async () => {
    const session = await phone.context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", { offline: false, latency: 300, downloadThroughput: 40_000, uploadThroughput: 40_000 });
    let lost = 0;
    let cut = 0;
    await page.route(/\/(sync\/batch|attendance\/(check-ins|visits)|uploads(\/[^?]*)?)(\?|$)/, async (route) => {
      if (!["POST", "PATCH"].includes(route.request().method())) return route.continue();
      const isPhoto = route.request().url().includes("/uploads");
      if (isPhoto && cut < 1) {
        cut += 1;
        return route.abort("connectionreset");
      }
      if (lost < (isPhoto ? 3 : 2)) {
        lost += 1;
        await route.fetch();
        return route.abort("connectionreset");
      }
      return route.continue();
    });
    await restoreLine(phone);
    for (let tries = 0; tries < 12; tries += 1) {
      await page.getByRole("button", { name: "现在发送" }).click();
      await page.getByRole("button", { name: "现在发送" }).waitFor({ timeout: 60_000 });
      if ((await readQueue(page)).every((one) => !/等网络|排队发送|等答复|正在传照片/.test(one.fate))) break;
    }
    await page.unroute(/\/(sync\/batch|attendance\/(check-ins|visits)|uploads(\/[^?]*)?)(\?|$)/);
    await session.detach();
    const items = await readQueue(page);
    assert.ok(lost >= 2 && cut === 1, `${lost} answers were lost, ${cut} lines cut`);
    assert.deepEqual(items.filter((one) => !/已记录/.test(one.fate)), []);
    assert.ok(items.some((one) => one.fate.includes("发了两次，只记一次")));
  });

  await t.test("the server has each of them exactly once", async () => {
    assert.equal((await countCheckIns()) - before, DAYS * 2);
    const visits = (await cadre.get("/attendance/visits?limit=100")).items.filter((one) => one.findings.includes(MARK));
    assert.equal(visits.length, 1);
    const visit = await cadre.get(`/attendance/visits/${visits[0].id}`);
    assert.equal(visit.photos.length, 2);
  });

  await t.test("a leave with wrong dates comes back in the server's words, is corrected and taken", async () => {
    await page.goto(`${URL_OF_RUN}/m/#/form/leave/create`);
    await page.getByLabel("种类", { exact: true }).selectOption({ index: 1 });
    await fill(page, { 开始日期: day(-8), 结束日期: day(-7), 事由: `回家办事${MARK}` });
    await page.getByLabel("结束日期").fill(day(-4));
    await page.getByLabel("开始日期").fill(day(-5));
    await page.getByRole("button", { name: "提交请假" }).click();
    const refused = page.locator("article.q", { hasText: "请假" });
    await refused.getByText("没有收下").waitFor();
    assert.match(await refused.innerText(), /日期/);
    await refused.getByRole("button", { name: "去改" }).click();
    await page.getByLabel("结束日期").fill(day(-5));
    assert.equal(await page.getByLabel("事由").inputValue(), `回家办事${MARK}`);
    await page.getByRole("button", { name: "提交请假" }).click();
    await page.locator("article.q", { hasText: "请假" }).getByText(/已收下，等人办/).waitFor().catch(async () => assert.fail(JSON.stringify(await readQueue(page))));
    const leaves = (await cadre.get("/attendance/leaves?person=zeku.cadre&limit=50")).items.filter((one) => one.why === `回家办事${MARK}`);
    assert.deepEqual(leaves.map((one) => [one.starts_on, one.ends_on]), [[day(-5), day(-5)]]);
  });

  await t.test("an empty form is marked at the field before it is sent", async () => {
    await page.goto(`${URL_OF_RUN}/m/#/form/make_up/create`);
    await page.getByRole("button", { name: "提交补卡" }).click();
    await page.getByRole("alert").getByText("请填写事由").waitFor();
    await page.locator(".field.bad").getByText("请填写事由").waitFor();
  });

  await t.test("objects to a day of the own month", async () => {
    await page.goto(`${URL_OF_RUN}/m/#/month`);
    if (day(3).slice(0, 7) !== day(0).slice(0, 7)) await page.getByRole("button", { name: "上月" }).click();
    await page.getByRole("link", { name: /提异议/ }).nth(1).click();
    await page.getByLabel("内容").fill(`这一天在村里参加了群众会，有会议记录。${MARK}`);
    await page.getByRole("button", { name: /^提交/ }).click();
    await page.locator("article.q", { hasText: "异议" }).getByText(/已收下|已记录/).waitFor();
    const found = await cadre.get("/attendance/objections?limit=10");
    assert.ok(found.items.some((one) => one.text.includes(MARK)));
  });

  await t.test("reports a repair of an asset chosen from what the phone keeps, without a network", async () => {
    await cutLine(phone);
    await page.goto(`${URL_OF_RUN}/m/#/form/repair/create`);
    await page.getByRole("button", { name: /项目资产/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: /饲料加工车间/ }).click();
    await fill(page, { 内容: `车间东侧屋顶漏水${MARK}` });
    await page.getByRole("button", { name: "提交报修" }).click();
    await restoreLine(phone);
    await waitUntilIdle(page);
    await page.getByRole("button", { name: "现在发送" }).click();
    await page.locator("article.q", { hasText: "漏水" }).getByText(/已收下|已记录/).waitFor();
    const repairs = (await cadre.get("/assets/repairs?limit=50")).items.filter((one) => one.text.includes(MARK));
    assert.equal(repairs.length, 1);
  });

  await t.test("a lost session asks for the password again and keeps what was typed", async () => {
    await page.goto(`${URL_OF_RUN}/m/#/form/deed/create`);
    await fill(page, { 内容: "帮两户修好水泵" });
    await page.waitForTimeout(700);
    await page.evaluate(() => new Promise((done) => {
      const opened = indexedDB.open("xianjie", 1);
      opened.onsuccess = () => {
        const write = opened.result.transaction("values", "readwrite");
        write.objectStore("values").put("ended", "xianjie.session");
        write.oncomplete = () => done(opened.result.close());
      };
    }));
    await page.reload();
    await page.getByText("登录已到期").waitFor({ timeout: 20_000 });
    await page.getByLabel("密码").fill("Zeku-2023-505");
    await page.getByRole("button", { name: "登录", exact: true }).click();
    await page.getByLabel("内容", { exact: true }).waitFor();
    assert.equal(await page.getByLabel("内容", { exact: true }).inputValue(), "帮两户修好水泵");
  });

  await phone.end();
});
