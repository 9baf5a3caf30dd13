/* A project that has its money is built, accepted and becomes an asset that a village holds: by mouse, by the persons who do each step. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account } from "./api.mjs";
import { checkScreen } from "./browser.mjs";
import { addRow, confirmMove, doAct, fillForm, makeMove, openDesks, openPage, press } from "./desk.mjs";

const bureau = new Account("zeku.bureau");
const HOLDER = "司玛村集体经济合作社";

test("a project is built and becomes an asset", async (t) => {
  const { today } = await bureau.get("/home");
  const ago = (days) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
  const at = (days) => ({ 实际办理时间: `${ago(days)} 10:00` });
  const hang = (level, from, to) => ({ 级次: level, 地点: "村务公开栏", 开始日期: ago(from), 结束日期: ago(to), 张贴照片: "张贴照片.pdf" });
  const { id, name, state } = (await bureau.get("/projects?year=2023&limit=100")).items.find((one) => one.name.includes("司玛村"));
  const desk = await openDesks();
  let page;
  const open = async (person, kind, which, title) => {
    page = await desk.as(person);
    await openPage(page, `/record/${kind}/${which}`, title);
  };

  /** The accepted project reaches the assets by an event; its funds follow in their own time. */
  async function waitForAsset() {
    for (let tries = 0; ; tries += 1) {
      const [found] = (await bureau.get(`/assets?project_id=${id}&limit=1`)).items;
      if (found) return found;
      assert.ok(tries < 240, "the event did not arrive");
      await new Promise((done) => setTimeout(done, 250));
    }
  }

  await t.test("the town starts it, and reports progress with photos", async () => {
    await open("zeku.town", "project", id, name);
    if (state === "planned") {
      for (const kind of ["实施方案", "合同"]) await doAct(page, "添加附件", { 种类: kind, 文件: `${kind}.pdf`, 标题: kind });
      await makeMove(page, "开工", { 发包方式: "村民自建(一事一议)", ...at(60) });
    }
    for (const [percent, days] of [["60", "40"], ["100", "30"]]) {
      await page.getByRole("link", { name: "上报进度", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: /进度/ }).waitFor();
      await fillForm(page, { 形象进度: percent, ...at(days) });
      await addRow(page, "照片", { 文件: "现场.jpg", 经度: "101.5987", 纬度: "35.2581", 坐标系: "WGS-84(GPS)" });
      if (days === "40") await checkScreen(page, "progress-form");
      await press(page, "保存");
    }
    assert.equal((await bureau.get(`/projects/${id}`)).physical_percent, 100);
  });

  await t.test("it is completed, hung out and accepted by the county with what was built", async () => {
    await makeMove(page, "完工", at(28));
    await doAct(page, "发布公示", hang("竣工公示", 27, 16));
    await open("zeku.bureau", "project", id, name);
    await doAct(page, "添加附件", { 种类: "验收报告", 文件: "验收报告.pdf", 标题: "验收报告" });
    await open("zeku.director", "project", id, name);
    await page.locator("ul.do").getByRole("link", { name: "验收", exact: true }).click();
    await page.getByText("其他可填的").click();
    await fillForm(page, { 审定结算: "2300000", 审定文件文号: "泽乡振验〔2026〕9号", 审定日期: ago(15), ...at(15) });
    await addRow(page, "形成的资产", { 名称: "司玛村供水管网", 资产类别: "公益性资产", 数量: "1", 计量单位: "套", 原值: "2300000" });
    await confirmMove(page, "验收");
    assert.equal((await bureau.get(`/projects/${id}`)).state, "accepted");
  });

  let asset = "";
  await t.test("its asset is registered, its rights hang out and are confirmed, the village receives it", async () => {
    asset = (await waitForAsset()).id;
    await open("zeku.town", "project", id, name);
    await page.getByRole("link", { name: "司玛村供水管网" }).first().click();
    await page.getByRole("heading", { name: "司玛村供水管网", level: 1 }).waitFor();
    await page.getByRole("link", { name: "修改", exact: true }).click();
    await fillForm(page, { 资产子类: "供水饮水", 建成日期: ago(28), 使用年限: "20", 所有权人类型: "村集体", 所有权人: HOLDER, 所有权人信用代码: "N2632323MF80000009" });
    await press(page, "保存修改");
    await makeMove(page, "登记", at(14));
    await doAct(page, "发布公示", hang("确权公示", 13, 2));
    await open("zeku.director", "asset", asset, "司玛村供水管网");
    await makeMove(page, "确权", at(1));
    await open("zeku.town", "asset", asset, "司玛村供水管网");
    await makeMove(page, "移交", { 移交单位: "和日镇人民政府", 接收单位: HOLDER });
    await checkScreen(page, "asset");
    assert.equal((await bureau.get(`/assets/${asset}`)).subclass, "water", "chosen by its words");
  });

  await t.test("the project is handed over", async () => {
    await open("zeku.director", "project", id, name);
    await makeMove(page, "移交");
    assert.equal((await bureau.get(`/projects/${id}`)).state, "handed_over");
  });
  await desk.end();
});
