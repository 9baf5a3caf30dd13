import { describe, expect, it } from "vitest";
import { describeDue, formatMoney, formatMoneyWords, sumMoney } from "./format";
import { buildBody, placeProblems, readForm, startValues, validate } from "./form";

const schema = {
  $defs: {
    Level: { type: "string", oneOf: [{ const: "central", title: "中央" }, { const: "county", title: "县级" }] },
    Line: {
      type: "object",
      required: ["name", "amount"],
      properties: {
        name: { type: "string", title: "名称", maxLength: 5 },
        amount: { type: "string", title: "金额", "x-type": "money", "x-unit": "元", pattern: "^[0-9]+(\\.[0-9]{1,2})?$" },
      },
      "x-order": ["name", "amount"],
    },
  },
  title: "登记",
  required: ["level", "region"],
  properties: {
    note: { type: "string", title: "备注", maxLength: 2000, default: "" },
    level: { $ref: "#/$defs/Level", title: "级次" },
    region: { type: "string", title: "区划", "x-type": "region", default: "620602000000" },
    happened_on: { anyOf: [{ type: "string", format: "date" }, { type: "null" }], default: null, title: "日期", description: "空为今天, 见规则 work.days" },
    percent: { type: "integer", title: "进度", maximum: 100, minimum: 0, "x-unit": "%" },
    project_id: { type: "string", format: "uuid", title: "项目", "x-type": "id", "x-kind": "project" },
    photos: { type: "array", items: { type: "string", format: "uuid" }, title: "照片", "x-type": "file" },
    lines: { type: "array", minItems: 1, items: { $ref: "#/$defs/Line" }, title: "明细" },
    id: { type: "string", title: "编号", "x-hidden": true },
  },
  "x-order": ["level", "region", "happened_on", "percent", "project_id", "lines", "photos", "note", "id"],
};
const { fields, title } = readForm({ method: "POST", address: "/api/v1/things", form: schema });
const byName = Object.fromEntries(fields.map((one) => [one.name, one]));

describe("a form drawn from JSON Schema", () => {
  it("sends a photo without the place that nobody gave", () => {
    const photo = { type: "object", required: ["file_id"], properties: { file_id: { type: "string", "x-type": "file" }, fix: { "x-type": "fix", anyOf: [{ type: "object", required: ["lon"], properties: { lon: { type: "number" }, datum: { enum: ["wgs84"], default: "wgs84" } } }, { type: "null" }] } } };
    const found = readForm({ method: "POST", address: "/api/v1/things", form: { properties: { photos: { type: "array", "x-type": "files", items: photo } } } }).fields;
    const values = { photos: [{ file_id: "f1", fix: { datum: "wgs84" } }, { file_id: "f2", fix: { lon: "101.5", datum: "wgs84" } }] };
    expect(validate(found, values)).toEqual([]);
    expect(buildBody(found, values)).toEqual({ photos: [{ file_id: "f1" }, { file_id: "f2", fix: { lon: 101.5, datum: "wgs84" } }] });
  });
  it("asks for the first of several shapes, and for each part of an object with codes as keys", () => {
    const circle = { type: "object", required: ["radius_m"], properties: { kind: { const: "circle", default: "circle" }, radius_m: { type: "number", title: "半径" } } };
    const form = {
      $defs: { Circle: circle, Polygon: { type: "object", properties: { ring: { type: "array" } } }, Right: { oneOf: [{ const: "use", title: "使用权" }, { const: "income", title: "收益权" }] }, Holder: { type: "object", required: ["name"], properties: { name: { type: "string", title: "名称" } } } },
      properties: {
        fences: { type: "array", minItems: 1, title: "围栏", items: { discriminator: { propertyName: "kind" }, oneOf: [{ $ref: "#/$defs/Circle" }, { $ref: "#/$defs/Polygon" }] } },
        holders: { type: "object", title: "权利", default: {}, propertyNames: { $ref: "#/$defs/Right" }, additionalProperties: { $ref: "#/$defs/Holder" } },
      },
    };
    const found = readForm({ method: "POST", address: "/api/v1/things", form }).fields;
    const fence = { ...startValues(found[0]?.fields ?? []), radius_m: "200" };
    expect(buildBody(found, { ...startValues(found), fences: [fence] })).toEqual({ fences: [{ kind: "circle", radius_m: 200 }] });
    expect(buildBody(found, { fences: [fence], holders: { use: { name: "合作社" }, income: {} } })["holders"]).toEqual({ use: { name: "合作社" } });
  });
  it("keeps the server's order and leaves out what people do not fill in", () => {
    expect(title).toBe("登记");
    expect(fields.map((one) => one.name)).toEqual(["level", "region", "happened_on", "percent", "project_id", "lines", "photos", "note"]);
  });

  it("knows type, unit, choices, hint and kind of each field", () => {
    expect(byName["level"]).toMatchObject({ type: "choice", required: true, choices: [{ value: "central", label: "中央" }, { value: "county", label: "县级" }] });
    expect(byName["happened_on"]).toMatchObject({ type: "date", clearable: true, required: false, hint: "空为今天" });
    expect(byName["percent"]).toMatchObject({ type: "integer", unit: "%", max: 100 });
    expect(byName["project_id"]).toMatchObject({ type: "record", kind: "project" });
    expect(byName["photos"]).toMatchObject({ type: "files" });
    expect(byName["note"]).toMatchObject({ type: "longtext" });
    expect(byName["lines"]?.fields.map((one) => one.type)).toEqual(["text", "money"]);
  });

  it("begins with the defaults the server knows", () => {
    expect(startValues(fields)).toMatchObject({ region: "620602000000", level: undefined, lines: [], photos: [] });
  });

  it("marks what is missing and what is wrong at its place, in lists too", () => {
    const values = { ...startValues(fields), percent: "120", lines: [{ name: "太长的名称", amount: "1" }, { name: "超过五个字了", amount: "八十" }] };
    const found = validate(fields, values).map((one) => [one.pointer, one.message]);
    expect(found).toEqual([
      ["/level", "请填写级次"],
      ["/percent", "进度不能大于100"],
      ["/lines/1/name", "名称最多5字，现在6字"],
      ["/lines/1/amount", "金额须是金额，单位元，最多两位小数"],
    ]);
  });

  it("sends numbers as numbers, money without separators, and nothing that is empty", () => {
    const values = { ...startValues(fields), level: "county", percent: "86", lines: [{ name: "管道", amount: "1,200.50" }] };
    expect(buildBody(fields, values)).toEqual({
      level: "county", region: "620602000000", percent: 86, lines: [{ name: "管道", amount: "1200.50" }],
    });
  });

  it("sends of a change only what differs, and null for what was emptied", () => {
    const before = startValues(fields, { level: "county", region: "620602000000", happened_on: "2026-01-05", note: "旧" });
    const after = { ...before, happened_on: "", note: "", level: "central" };
    expect(buildBody(fields, after, before)).toEqual({ level: "central", happened_on: null, note: "" });
  });

  it("puts the server's problems at their fields and keeps the others", () => {
    const { byPointer, rest } = placeProblems(fields, [
      { pointer: "/lines/1/amount", code: "x", message: "超过余额" },
      { pointer: "/lines/0/unknown", code: "x", message: "不认识" },
      { pointer: "/level", code: "a", message: "甲" },
      { pointer: "/level", code: "b", message: "乙" },
      { pointer: "", code: "c", message: "整条有误" },
    ]);
    expect(Object.fromEntries(byPointer)).toEqual({ "/lines/1/amount": "超过余额", "/lines/0": "不认识", "/level": "甲；乙" });
    expect(rest.map((one) => one.message)).toEqual(["整条有误"]);
  });
});

describe("values on a screen", () => {
  it("writes money in 元 and 万元 without floating point", () => {
    expect(formatMoney("12590000.00")).toBe("12,590,000.00");
    expect(formatMoney("12590000.00", "万元")).toBe("1,259.00");
    expect(formatMoney("-49.99", "万元")).toBe("0.00");
    expect(formatMoney(null)).toBe("");
    expect(sumMoney(["0.10", "0.20", null])).toBe("0.30");
  });

  it("writes amounts in words", () => {
    expect(formatMoneyWords("460000.00")).toBe("肆拾陆万元整");
    expect(formatMoneyWords("10050.06")).toBe("壹万零伍拾元零陆分");
    expect(formatMoneyWords("0.50")).toBe("伍角");
    expect(formatMoneyWords("100000000")).toBe("壹亿元整");
    expect(formatMoneyWords("100001000.05")).toBe("壹亿零壹仟元零伍分");
    expect(formatMoneyWords("30405060")).toBe("叁仟零肆拾万伍仟零陆拾元整");
  });

  it("says how far a deadline is", () => {
    expect(describeDue("2023-09-30", "2023-10-18")).toEqual({ words: "逾期18天", tone: "late" });
    expect(describeDue("2023-10-18", "2023-10-18").words).toBe("今天到期");
    expect(describeDue("2023-10-21", "2023-10-18").tone).toBe("soon");
  });
});
