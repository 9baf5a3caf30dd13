/* A project by mouse, by the persons who do each step: declared, reviewed, appraised with others at once, approved; the leader's sheet. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account } from "./api.mjs";
import { checkScreen, takePicture } from "./browser.mjs";
import { addRow, createReadyDraft, doAct, fillForm, makeMove, openDesks, openPage, openWork, PDF, VILLAGE } from "./desk.mjs";

const MARK = String(Date.now()).slice(-6);
const NAME = `叶金木村牲畜暖棚建设项目${MARK}`;
const town = new Account("zeku.town");
const mayor = new Account("zeku.mayor");

test("a project comes into the library at the desk", async (t) => {
  const { today } = await town.get("/home");
  const ago = (days) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
  const at = (days) => `${ago(days)} 10:00`;
  const post = (level, from, to) => ({ 级次: level, 地点: "村务公开栏", 开始日期: ago(from), 结束日期: ago(to), 张贴照片: "张贴照片.pdf" });
  const desk = await openDesks();
  let page = await desk.as("zeku.clerk");
  let id = "";
  const open = async (person) => {
    page = await desk.as(person);
    await openPage(page, `/record/project/${id}`, NAME);
  };

  await t.test("the village clerk fills the form, attaches the minutes, declares and hangs the notice out", async () => {
    await openPage(page, "/new/project", "新建项目");
    await fillForm(page, {
      项目名称: NAME, 建设内容: "新建牲畜暖棚6栋，配套饲草料库1座", 项目类型: "1.1.2", 年度: "2026", 地点: "王家乡叶金木村",
      计划开工日期: "2026-05-01", 计划完工日期: "2026-10-31", 主管部门: "泽库县农牧水利和科技局", 实施单位: "王家乡人民政府", 预算总投资: "120000",
      受益村数: "1", 受益户数: "183", 受益人口: "802", 年度目标: "按期建成并交付使用", 联农带农机制: "村集体经营, 收益按章程分红, 优先安排脱贫户和监测户务工",
      经营主体: "村集体经济合作社", 用地: "不涉及新增用地", 设计: "已完成", 环评: "不需要", 概算编制: "概算已评审", 实际办理时间: at(62),
    });
    await addRow(page, "建设规模", { 名称: "暖棚", 数量: "6", 单位: "栋" });
    await addRow(page, "计划资金来源", { 种类: "中央衔接资金", 金额: "120000" });
    for (const [kind, name, value, unit] of [["数量指标", "暖棚", "6", "栋"], ["质量指标", "项目(工程)验收合格率", "100", "%"], ["服务对象满意度指标", "受益脱贫(监测)户满意度", "95", "%"]]) {
      await addRow(page, "绩效目标", { 种类: kind, 名称: name, 数值: value, 单位: unit });
    }
    await checkScreen(page, "project-form");
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.waitForURL(/\/desk\/record\/project\//);
    id = page.url().split("/").pop();
    await doAct(page, "添加附件", { 种类: "村民(代表)会议记录", 文件: "会议记录.pdf", 标题: "村民代表会议记录" });
    await makeMove(page, "申报", { 实际办理时间: at(60) });
    await doAct(page, "发布公示", post("村级公示", 59, 48));
    await makeMove(page, "上报", { 实际办理时间: at(47) });
    assert.equal((await town.get(`/projects/${id}`)).state, "town_review");
  });

  await t.test("the town reviews item by item, hangs its notice out and sends the project on", async () => {
    await open("zeku.mayor");
    await page.locator("ul.do").getByRole("link", { name: "镇级审核通过", exact: true }).click();
    for (const one of ["真实性", "必要性", "科学性", "完整性", "可行性", "投资概算", "资金来源", "联农带农机制", "绩效目标"]) await page.getByLabel(one, { exact: true }).check();
    await page.getByText("其他可填的").click();
    await fillForm(page, { 意见: "真实可行，同意上报", 实际办理时间: at(46) });
    await checkScreen(page, "endorse");
    await page.getByRole("button", { name: "去核对" }).click();
    await page.getByRole("button", { name: "确认镇级审核通过" }).click();
    await page.getByRole("heading", { name: "可以办的事" }).waitFor();
    await open("zeku.town");
    await doAct(page, "发布公示", post("镇级公示", 45, 34));
    await makeMove(page, "上报", { 实际办理时间: at(33) });
    assert.equal((await town.get(`/projects/${id}`)).state, "appraisal");
  });

  await t.test("the line bureau appraises several at once, with a verdict for each", async () => {
    const other = await bringToAppraisal(`前期不全的项目${MARK}`, at);
    page = await desk.as("zeku.appraiser");
    await openWork(page);
    for (const name of [NAME, other.name]) await page.getByLabel(`选择${name}`, { exact: true }).check();
    await page.locator(".batch select").selectOption({ label: "论证通过" });
    await page.getByRole("button", { name: "逐件核对" }).click();
    const rowOf = (name) => page.locator("tbody tr").filter({ has: page.getByLabel(`选择${name}`, { exact: true }) });
    await rowOf(NAME).getByText(/未确认/).waitFor();
    const form = page.getByRole("region", { name: "这几件都这样填" });
    for (const one of ["合规性", "投资概算准确", "资金来源可靠", "土地使用", "可行性"]) await form.getByLabel(one, { exact: true }).check();
    await fillForm(form, { 意见: "已核对，同意" });
    await page.getByRole("button", { name: "逐件核对" }).click();
    await rowOf(NAME).getByText("可以办").waitFor();
    await rowOf(other.name).getByText(/概算/).waitFor();
    await checkScreen(page, "batch");
    await page.getByRole("button", { name: "办理这1件" }).click();
    await rowOf(NAME).waitFor({ state: "detached" });
    assert.deepEqual([(await town.get(`/projects/${id}`)).state, (await town.get(`/projects/${other.id}`)).state], ["approval", "appraisal"]);
  });

  await t.test("the county approves", async () => {
    await open("zeku.director");
    await makeMove(page, "审定", { 审定文件文号: `泽乡振〔2026〕${MARK}号`, 审定日期: today });
    assert.equal((await town.get(`/projects/${id}`)).state, "district_notice");
  });

  await t.test("the leader's page prints on one sheet of A4", async () => {
    page = await desk.as("zeku.leader");
    await openPage(page, "/overview?year=2023", /2023年资金项目一页/);
    await page.locator(".kpis a").first().waitFor();
    await page.locator("canvas").first().waitFor();
    await takePicture(page, "desk-leader", { fullPage: true });
    const sheet = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    const text = sheet.toString("latin1");
    assert.equal((text.match(/\/Type\s*\/Page\b/g) ?? []).length, 1, "one sheet");
    const [, width, height] = /\/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)/.exec(text).map(Number);
    assert.ok(Math.abs(width - 842) < 2 && Math.abs(height - 595) < 2, `A4, lying: ${width} × ${height}`);
  });
  await desk.end();
});

/** A second project at the line bureau, that says nothing of its estimate. */
async function bringToAppraisal(name, at) {
  const when = (days) => ({ happened_at: `${at(days).slice(0, 10)}T10:00:00+08:00` });
  const draft = await createReadyDraft(town, name, { budget: undefined, ...when(62) });
  const act = async (person, action, body) => person.post(`/projects/${draft.id}/${action}`, body, { "If-Match": `"${(await town.get(`/projects/${draft.id}`)).version}"` });
  const notice = async (level, from, to) => {
    const photo = await town.upload("projects", "张贴照片.pdf", PDF, VILLAGE);
    await town.post(`/projects/${draft.id}/notices`, { level, starts_on: at(from).slice(0, 10), ends_on: at(to).slice(0, 10), places: ["村务公开栏"], photo: photo.id });
  };
  const [{ value }] = await town.get("/projects/rules?prefix=admission.statements");
  await act(town, "declare", when(60));
  await notice("village", 59, 48);
  await act(town, "forward", when(47));
  await act(mayor, "endorse", { statements: Object.keys(value.endorse), opinion: "同意", ...when(46) });
  await notice("town", 45, 34);
  await act(town, "forward", when(33));
  return draft;
}
