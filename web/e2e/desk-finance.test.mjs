/* The way of money by mouse: document, plan, notice, payment, bank statement, target, year end; by the persons who do each. */
import assert from "node:assert/strict";
import test from "node:test";
import { Account } from "./api.mjs";
import { checkScreen, takePicture } from "./browser.mjs";
import { createRecord, doAct, fieldOf, fillForm, makeMove, openDesks, openPage, PDF, startProject } from "./desk.mjs";

const finance = new Account("zeku.finance");
const bureau = new Account("zeku.bureau");
const treasurer = new Account("zeku.treasurer");
const town = new Account("zeku.town");
const MARK = String(Date.now()).slice(-6);
const NUMBER = `青财农字〔2026〕${MARK}号`;
const PAYEE = `泽库县水利工程有限公司${MARK}`;

test("a year of money at the desk", async (t) => {
  const { today } = await finance.get("/home");
  const ago = (days) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
  const at = (days) => `${ago(days)} 10:00`;
  const planned = (await bureau.get("/projects?state=planned&year=2023&limit=50")).items.filter((one) => !one.name.includes("2个村")).sort((a, b) => Number(a.total) - Number(b.total));
  const desk = await openDesks();
  let page = await desk.as("zeku.finance");
  let source = "";
  let plan = "";

  await t.test("a fund document is registered and adjusted", async () => {
    source = await createRecord(page, "source", "资金来源", {
      文号: NUMBER, 标题: `州级衔接资金${MARK}`, 预算年度: "2026", 级次: "市级", 资金类型: "财政衔接推进乡村振兴补助资金", 金额: "250000", 发文日期: ago(40), 收到日期: ago(35),
    });
    await doAct(page, "追加、追减、收回", { 种类: "追加", 金额: "50000", 文号: `${NUMBER}追加`, 发生日期: ago(34), 理由: "州里追加" });
    assert.equal((await finance.get(`/funds/sources/${source}`)).figures.available, "300000.00");
  });

  await t.test("a plan's lines are judged while they are typed", async () => {
    page = await desk.as("zeku.bureau");
    plan = await createRecord(page, "plan", "分配方案", { 标题: `第${MARK}批分配方案`, 年度: "2026", 方案总额: "300000", 实际办理时间: at(30) });
    await page.getByRole("link", { name: "编排明细" }).click();
    await page.getByRole("button", { name: "加一项" }).click();
    await fillForm(page, { 项目: planned[0].name, 资金来源: `州级衔接资金${MARK}`, 金额: "310000" });
    const rules = page.getByRole("region", { name: "规则怎么说" }).or(page.getByLabel("规则怎么说"));
    await rules.getByText("明细合计", { exact: false }).first().waitFor();
    await rules.locator(".st.bad").first().waitFor();
    assert.equal((await bureau.get(`/funds/plans/${plan}`)).lines.length, 0, "judged, not saved");
    await checkScreen(page, "plan-lines");
    await fieldOf(page, "金额").fill("300000");
    await rules.locator(".st.bad").first().waitFor({ state: "detached" });
    await page.getByRole("button", { name: "编排明细" }).click();
    await page.getByRole("heading", { name: "可以办的事" }).waitFor();
    await page.getByRole("heading", { name: /^规则检查/ }).waitFor();
    assert.deepEqual((await bureau.get(`/funds/plans/${plan}`)).lines.map((one) => one.amount), ["300000.00"]);
    await makeMove(page, "报审", { 实际办理时间: at(29) });
  });

  await t.test("another person approves it, it hangs out, it is issued", async () => {
    page = await desk.as("zeku.treasurer");
    await openPage(page, `/record/plan/${plan}`, `第${MARK}批分配方案`);
    await makeMove(page, "审定", { 审定文件文号: `泽财〔2026〕${MARK}号`, 审定日期: ago(28), 实际办理时间: at(28) });
    page = await desk.as("zeku.bureau");
    await openPage(page, `/record/plan/${plan}`, `第${MARK}批分配方案`);
    await doAct(page, "发布公示", { 级次: "资金分配公示", 地点: "政府网站", 开始日期: ago(27), 结束日期: ago(15), 张贴照片: "张贴照片.pdf" });
    await makeMove(page, "公示", { 实际办理时间: at(27) });
    page = await desk.as("zeku.treasurer");
    await openPage(page, `/record/plan/${plan}`, `第${MARK}批分配方案`);
    await makeMove(page, "下达", { 实际办理时间: at(14) });
    assert.equal((await finance.get(`/funds/plans/${plan}`)).state, "issued");
    assert.equal((await finance.get(`/funds/sources/${source}`)).figures.available, "0.00");
    await page.getByRole("heading", { name: /^资金安排/ }).waitFor();
    await checkScreen(page, "plan-issued");
  });

  await t.test("a payment is asked for, reviewed, approved and settled by four persons", async () => {
    const [given] = (await finance.get(`/funds/allocations?plan_id=${plan}`)).items;
    const project = await town.get(`/projects/${given.project_id}`);
    await startProject(town, given.project_id, project.region);
    const contract = await town.post("/funds/contracts", {
      project_id: given.project_id, number: `HT-${MARK}`, title: `施工合同${MARK}`, party: PAYEE, party_code: "91620602MA71B6AK24", amount: "280000.00", signed_on: ago(13),
    });
    const common = { 收款人: PAYEE, 收款人信用代码: "91620602MA71B6AK24", 收款账号: "6222021234561234567", 开户行: "农行泽库支行" };
    page = await desk.as("zeku.town");
    const first = await createRecord(page, "payment", "支付", { 资金安排: NUMBER, 合同: `施工合同${MARK}`, 金额: "50000", ...common, 用途: "供水管道工程预付款", 预付款: true, 附件: "发票.pdf" });
    await makeMove(page, "提交");
    const steps = [["zeku.bureau", "审核", {}], ["zeku.treasurer", "批准", {}], ["zeku.finance", "登记支付", { 凭证号: `PZ-${MARK}-0`, 支付日期: today, 银行回单结果: "成功" }]];
    for (const [person, move, values] of steps) {
      page = await desk.as(person);
      await openPage(page, `/record/payment/${first}`, PAYEE);
      await makeMove(page, move, values);
    }
    assert.equal((await finance.get(`/funds/payments/${first}`)).state, "paid");
    // Two more for the statement, as other systems send them.
    for (const [place, amount] of [["1", "20000.00"], ["2", "10000.00"]]) {
      const proof = await town.upload("funds", `发票${place}.pdf`, PDF, project.region);
      const body = { file_ids: [proof.id], payee_name: PAYEE, payee_code: "91620602MA71B6AK24", payee_account: "6222021234561234567", bank: "农行泽库支行", allocation_id: given.id, contract_id: contract.id, amount, purpose: `供水管道工程款${place}`, advance: true };
      const { id } = await town.post("/funds/payments", body);
      const moves = [[town, "submit", {}], [bureau, "review", {}], [treasurer, "approve", {}], [finance, "pay", { voucher_no: `PZ-${MARK}-${place}`, paid_on: today, bank_result: "成功" }]];
      for (const [person, move, values] of moves) await person.post(`/funds/payments/${id}/${move}`, values);
    }
  });

  let statement = "";
  await t.test("a bank statement stands beside the payments: one to one, one to two with a fee, alone", async () => {
    const lines = [
      { voucher_no: `PZ-${MARK}-0`, amount: "50000.00", payee: PAYEE, purpose: "工程款" },
      { voucher_no: `PZ-${MARK}-1+PZ-${MARK}-2`, amount: "30005.00", payee: PAYEE, purpose: "工程款，含手续费5元" },
      { voucher_no: `ZH-${MARK}`, amount: "77.00", payee: `某某商店${MARK}`, purpose: "退汇" },
    ];
    await openPage(page, "/new/statement", "新建对账单");
    await fillForm(page, { 对账单名称: `国库支付对账单${MARK}`, 起始日期: today, 截止日期: today });
    for (const one of lines) {
      await page.getByRole("button", { name: "加一项" }).click();
      await fillForm(page, { 凭证号: one.voucher_no, 金额: one.amount, 发生日期: today, 收款人: one.payee, 用途: one.purpose });
    }
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.getByRole("link", { name: "左右核对" }).click();
    statement = page.url().split("/").pop();
    await page.getByRole("heading", { name: `国库支付对账单${MARK}`, level: 1 }).waitFor();
    await page.getByRole("link", { name: /^全部/ }).click();
    const bodies = page.locator("table.match tbody");
    const grouped = bodies.filter({ hasText: `PZ-${MARK}-1+PZ-${MARK}-2` });
    await grouped.getByText("1 : 2").waitFor();
    await grouped.getByText(/手续费 5\.00 元/).waitFor();
    assert.equal(await grouped.getByRole("link", { name: PAYEE }).count(), 2);
    const exact = bodies.filter({ hasText: `PZ-${MARK}-0` }).filter({ has: page.getByRole("link", { name: "对上的这笔支付" }) });
    await exact.getByText("相符", { exact: true }).waitFor();
    await checkScreen(page, "statement");
    await takePicture(page, "desk-statement");
    await page.getByLabel(`选择对方某某商店${MARK}`).check();
    await page.getByLabel("说明").fill("退汇，下月冲回");
    await page.getByRole("button", { name: "说明这1笔" }).click();
    await page.getByText("退汇，下月冲回").waitFor();
    await page.getByRole("button", { name: "结清" }).click();
    await page.getByRole("alert").getByText(/不能结清本人上传的对账单/).waitFor();
    page = await desk.as("zeku.treasurer");
    await openPage(page, `/statement/${statement}`, `国库支付对账单${MARK}`);
    await page.getByRole("button", { name: "结清" }).click();
    await page.getByText("已结清").waitFor();
    assert.equal((await finance.get(`/funds/reconciliations/statements/${statement}`)).state, "closed");
  });

  await t.test("a target is drawn up, approved, published and its results filled in", async () => {
    page = await desk.as("zeku.bureau");
    const id = await createRecord(page, "target", "绩效目标", { 分配方案: `第${MARK}批分配方案`, 项目: planned[0].name, 年度目标: "按期通水" });
    const lacking = page.locator("#missing-submit");
    await lacking.getByText(/没有指标值/).waitFor();
    await page.getByRole("link", { name: "修改", exact: true }).click();
    const rows = page.locator(".fieldset").filter({ has: page.getByLabel(/^指标类别/) });
    await rows.first().waitFor();
    for (const row of await rows.all()) {
      const value = row.getByLabel(/^数值/);
      if (!(await value.inputValue())) await value.fill("10");
    }
    await page.getByRole("button", { name: "保存修改" }).click();
    await makeMove(page, "报送");
    page = await desk.as("zeku.treasurer");
    await openPage(page, `/record/target/${id}`, planned[0].name);
    await makeMove(page, "批复");
    page = await desk.as("zeku.bureau");
    await openPage(page, `/record/target/${id}`, planned[0].name);
    await makeMove(page, "公开", { 公开日期: today, 公开位置: "泽库县政府网站" });
    await page.getByRole("link", { name: "填报完成情况" }).click();
    const actual = page.getByLabel(/^完成值/);
    await actual.first().waitFor();
    assert.equal(await actual.count(), (await bureau.get(`/funds/targets/${id}`)).indicators.length);
    for (const one of await actual.all()) await one.fill("100");
    await page.getByRole("button", { name: "填报完成情况" }).click();
    await page.getByRole("heading", { name: "可以办的事" }).waitFor();
    assert.ok((await bureau.get(`/funds/targets/${id}`)).indicators.every((one) => one.actual === "100"));
  });

  await t.test("a year is closed, and opened again by another person on a document", async () => {
    page = await desk.as("zeku.finance");
    await openPage(page, "/year", /年终$/);
    await page.getByLabel("年度").selectOption("2021");
    await page.getByText("还没有结账").waitFor();
    await page.getByLabel(/结账后不再登记/).check();
    await page.getByRole("button", { name: "结账", exact: true }).click();
    await page.getByText(/结账，第\d+次/).waitFor();
    await page.getByLabel("同意重开的文件文号").fill(`泽政〔2026〕${MARK}号`);
    await page.getByLabel("文件日期").fill(today);
    await page.getByLabel("理由").fill("补记一笔退款");
    await page.getByRole("button", { name: "申请重开" }).click();
    assert.ok(await page.getByRole("button", { name: "确认重开" }).isDisabled());
    await checkScreen(page, "year");
    page = await desk.as("zeku.treasurer");
    await openPage(page, "/year", /年终$/);
    await page.getByLabel("年度").selectOption("2021");
    await page.getByRole("button", { name: "确认重开" }).click();
    await page.getByText("还没有结账").waitFor();
  });
  await desk.end();
});
