/** JSON Schema of a form → a model of fields that a page can draw; values → the body that is sent; problems → their fields. */
import type { Component, InjectionKey } from "vue";
import type { FieldProblem } from "./api";

export type FieldType =
  | "text" | "longtext" | "password" | "money" | "integer" | "number" | "boolean" | "date" | "datetime"
  | "choice" | "choices" | "region" | "account" | "record" | "file" | "files" | "fix" | "object" | "list" | "words" | "json" | "map" | "const";

export interface Choice {
  value: string;
  label: string;
}

export interface Field {
  name: string;
  /** JSON pointer inside the body, without the indexes of lists. */
  pointer: string;
  label: string;
  hint: string;
  type: FieldType;
  unit: string;
  required: boolean;
  /** The field may be emptied by null. */
  clearable: boolean;
  choices: Choice[];
  /** Code set that the value is from, where its codes do not stand in the form. */
  codes?: string;
  /** Kind of record that the field names. */
  kind: string;
  initial: unknown;
  min?: number;
  max?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: RegExp;
  /** What each item of a list is called, by the id of the row that it is about. */
  names?: Record<string, string>;
  /** Fields of an object, or of each item of a list. */
  fields: Field[];
}

export interface Form {
  title: string;
  method: string;
  address: string;
  fields: Field[];
}

/** The inputs that an application has of its own: of a type, of texts from a code set, of photos that take more than their file. */
export const INPUTS: InjectionKey<Partial<Record<FieldType | "codes" | "photos", Component>>> = Symbol("inputs");

export type Values = Record<string, unknown>;
type Schema = Record<string, unknown>;

const LONG_TEXT = 300;
const MOST_CHOICES_SHOWN = 400;

/** The model of a form as `/meta/forms/{kind}` gives it. */
export function readForm(read: { method: string; address: string; form: Record<string, unknown> }): Form {
  const root = read.form;
  const definitions = (root["$defs"] ?? {}) as Record<string, Schema>;
  return { title: String(root["title"] ?? ""), method: read.method, address: read.address, fields: readFields(root, definitions, "", 0) };
}

function readFields(schema: Schema, definitions: Record<string, Schema>, pointer: string, depth: number): Field[] {
  const properties = (schema["properties"] ?? {}) as Record<string, Schema>;
  const required = new Set((schema["required"] ?? []) as string[]);
  const order = (schema["x-order"] ?? Object.keys(properties)) as string[];
  return order
    .filter((name) => properties[name] && !properties[name]["x-hidden"])
    .map((name) => readField(name, properties[name] as Schema, required.has(name), definitions, pointer, depth));
}

function readField(name: string, schema: Schema, required: boolean, definitions: Record<string, Schema>, parent: string, depth: number): Field {
  const { core, clearable } = resolve(schema, definitions);
  const pointer = `${parent}/${name}`;
  const inner = core["type"] === "array" ? resolve((core["items"] ?? {}) as Schema, definitions).core : core;
  const type = findType(core, inner);
  const field: Field = {
    name,
    pointer,
    type,
    label: String(schema["title"] ?? core["title"] ?? name),
    hint: readHint(schema, core),
    unit: String(schema["x-unit"] ?? ""),
    required: required || ((core["minItems"] as number | undefined) ?? 0) > 0,
    clearable,
    choices: readChoices(inner),
    codes: String(core["x-codes"] ?? inner["x-codes"] ?? ""),
    kind: String(core["x-kind"] ?? inner["x-kind"] ?? ""),
    initial: schema["default"] ?? core["const"],
    min: pick<number>(core, "minimum") ?? pick<number>(core, "exclusiveMinimum"),
    max: pick<number>(core, "maximum"),
    maxLength: pick<number>(core, "maxLength"),
    minItems: pick<number>(core, "minItems"),
    maxItems: pick<number>(core, "maxItems"),
    pattern: core["pattern"] ? new RegExp(core["pattern"] as string, "u") : undefined,
    fields: [],
  };
  if (["object", "list", "files", "fix"].includes(type) && depth < 3) field.fields = readKeys(inner, definitions, pointer) ?? readFields(inner, definitions, pointer, depth + 1);
  return field;
}

/** An object with one part for each of a set of codes, such as the holder of each right: a part that may stay empty by code. */
function readKeys(schema: Schema, definitions: Record<string, Schema>, parent: string): Field[] | undefined {
  if (!schema["propertyNames"]) return undefined;
  const keys = readChoices(resolve(schema["propertyNames"] as Schema, definitions).core);
  return keys.map(({ value, label }) => readField(value, { ...(schema["additionalProperties"] as Schema), title: label }, false, definitions, parent, 2));
}

function pick<T>(schema: Schema, name: string): T | undefined {
  return schema[name] as T | undefined;
}

/** Follows $ref, takes the one kind of value out of `anyOf [x, null]`, and the first of several shapes: a circle of circle and polygon. */
function resolve(schema: Schema, definitions: Record<string, Schema>): { core: Schema; clearable: boolean } {
  let core = schema;
  let clearable = false;
  for (let step = 0; step < 8; step += 1) {
    const reference = core["$ref"] as string | undefined;
    const options = (core["anyOf"] ?? core["allOf"] ?? (core["discriminator"] && core["oneOf"])) as Schema[] | undefined;
    const own = Object.fromEntries(Object.entries(core).filter(([name]) => !["$ref", "anyOf", "allOf", "discriminator", ...(core["discriminator"] ? ["oneOf"] : [])].includes(name)));
    if (reference) {
      core = { ...definitions[reference.split("/").pop() ?? ""], ...own };
    } else if (options) {
      const real = options.filter((one) => one["type"] !== "null");
      clearable ||= real.length < options.length;
      core = { ...(real[0] ?? {}), ...own };
    } else break;
  }
  return { core, clearable };
}

function findType(core: Schema, inner: Schema): FieldType {
  const special = (core["x-type"] ?? inner["x-type"]) as string | undefined;
  const isList = core["type"] === "array";
  if (special === "file" || special === "files") return isList ? "files" : "file";
  if (special === "fix" || special === "json") return special;
  if (isList) {
    if (inner["properties"]) return "list";
    return inner["oneOf"] || inner["enum"] ? "choices" : "words";
  }
  if (core["const"] !== undefined) return "const";
  if (special === "money" || special === "account") return special;
  if (special === "region") return "region";
  if (special === "id") return "record";
  if (core["oneOf"] || core["enum"]) return "choice";
  if (core["properties"] || isKeyed(core)) return "object";
  if (core["type"] === "object") return "map";
  if (core["type"] === "boolean" || core["type"] === "integer" || core["type"] === "number") return core["type"];
  const format = core["format"];
  if (format === "date") return "date";
  if (format === "date-time") return "datetime";
  if (format === "password") return "password";
  return ((core["maxLength"] as number | undefined) ?? 0) > LONG_TEXT ? "longtext" : "text";
}

/** Whether an object has a part for each of a set of codes; any other object of unknown keys is no field of a page. */
function isKeyed(core: Schema): boolean {
  return core["propertyNames"] !== undefined && typeof core["additionalProperties"] === "object" && "$ref" in (core["additionalProperties"] as Schema);
}

function readChoices(schema: Schema): Choice[] {
  const options = (schema["oneOf"] ?? []) as { const?: unknown; title?: string }[];
  if (options.length) return options.slice(0, MOST_CHOICES_SHOWN).map((one) => ({ value: String(one.const), label: one.title ?? String(one.const) }));
  return ((schema["enum"] ?? []) as unknown[]).map((one) => ({ value: String(one), label: String(one) }));
}

function readHint(schema: Schema, core: Schema): string {
  // The key of a rule is for programs.
  const text = String(schema["description"] ?? core["description"] ?? "").replace(/[,，;；]? ?见规则 ?[a-z_.]+/g, "");
  return text === String(schema["title"] ?? "") || !/[\u4e00-\u9fff]/.test(text) ? "" : text;
}

/** A list whose items have fields of their own, also photos that take more than their file. */
export function isRows(field: Field): boolean {
  return field.type === "list" || (field.type === "files" && field.fields.length > 0);
}

/** The values a form begins with: the server's defaults, or those of the record that is changed. */
export function startValues(fields: Field[], record: Values = {}): Values {
  const values: Values = {};
  for (const field of fields) {
    const known = record[field.name] ?? field.initial;
    if ((field.type === "object" || field.type === "fix") && known && typeof known === "object") values[field.name] = startValues(field.fields, known as Values);
    else if (isRows(field)) values[field.name] = ((known ?? []) as Values[]).map((one) => startValues(field.fields, one));
    else if (field.type === "files" || field.type === "choices" || field.type === "words") values[field.name] = [...((known ?? []) as unknown[])];
    else values[field.name] = known ?? (field.type === "boolean" && field.required ? false : undefined);
  }
  return values;
}

export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** Nobody has filled in anything of an object: what is in it stands there by default. */
function isBlank(fields: Field[], values: Values): boolean {
  return fields.every((one) => isEmpty(values[one.name]) || values[one.name] === one.initial || one.type === "choice");
}

/** What is wrong with the values before they are sent: pointers into the body and words for people. */
export function validate(fields: Field[], values: Values, parent = ""): FieldProblem[] {
  return fields.flatMap((field) => {
    const value = values[field.name];
    const pointer = `${parent}/${field.name}`;
    if (isEmpty(value)) return field.required ? [problem(pointer, "missing", `请填写${field.label}`)] : [];
    if (field.type === "object" || field.type === "fix") return isBlank(field.fields, value as Values) && !field.required ? [] : validate(field.fields, value as Values, pointer);
    if (isRows(field)) return (value as Values[]).flatMap((one, index) => validate(field.fields, one, `${pointer}/${String(index)}`));
    const words = checkValue(field, value);
    return words ? [problem(pointer, "invalid", words)] : [];
  });
}

function problem(pointer: string, code: string, message: string): FieldProblem {
  return { pointer, code, message };
}

function checkValue(field: Field, value: unknown): string {
  const { label, min, max, maxLength, pattern } = field;
  if (field.type === "integer" || field.type === "number") {
    const number = Number(value);
    if (Number.isNaN(number)) return `${label}须是数字`;
    if (field.type === "integer" && !Number.isInteger(number)) return `${label}须是整数`;
    if (min !== undefined && number < min) return `${label}不能小于${String(min)}`;
    if (max !== undefined && number > max) return `${label}不能大于${String(max)}`;
    return "";
  }
  const text = String(value);
  if (maxLength !== undefined && text.length > maxLength) return `${label}最多${String(maxLength)}字，现在${String(text.length)}字`;
  if (pattern && typeof value === "string" && !pattern.test(text)) {
    return field.type === "money" ? `${label}须是金额，单位元，最多两位小数` : `${label}的格式不对`;
  }
  return "";
}

/** The body that is sent. With `before`, only what differs from it; an emptied field becomes null where that empties it. */
export function buildBody(fields: Field[], values: Values, before?: Values): Values {
  const body: Values = {};
  for (const field of fields) {
    const value = convert(field, values[field.name]);
    if (before) {
      const old = convert(field, before[field.name]);
      if (JSON.stringify(value) === JSON.stringify(old)) continue;
      body[field.name] = value ?? (field.clearable ? null : field.type === "text" || field.type === "longtext" ? "" : null);
    } else if (value !== undefined) body[field.name] = value;
  }
  return body;
}

function convert(field: Field, value: unknown): unknown {
  if (isRows(field)) return isEmpty(value) ? undefined : (value as Values[]).map((one) => buildBody(field.fields, one));
  if (field.type === "object" || field.type === "fix") {
    if (!field.required && value && typeof value === "object" && isBlank(field.fields, value as Values)) return undefined;
    const inner = value && typeof value === "object" ? buildBody(field.fields, value as Values) : {};
    return Object.keys(inner).length ? inner : undefined;
  }
  if (isEmpty(value)) return Array.isArray(value) && field.required ? [] : undefined;
  if (field.type === "integer" || field.type === "number") return Number(value);
  if (field.type === "money") return String(value).replace(/[,，\s]/g, "");
  return value;
}

export interface FieldMessages {
  /** Pointer → the words beside that field. */
  byPointer: Map<string, string>;
  /** Problems that belong to no field of the form. */
  rest: FieldProblem[];
}

/** Sorts problems to the fields of a form; a problem inside an object or list that is not drawn stands at its nearest field. */
export function placeProblems(fields: Field[], problems: readonly FieldProblem[]): FieldMessages {
  const known = new Set(listPointers(fields));
  const byPointer = new Map<string, string>();
  const rest: FieldProblem[] = [];
  for (const one of problems) {
    let place = one.pointer;
    while (place && !known.has(place.replace(/\/\d+(?=\/|$)/g, ""))) place = place.slice(0, place.lastIndexOf("/"));
    if (place) byPointer.set(place, [byPointer.get(place), one.message].filter(Boolean).join("；"));
    else rest.push(one);
  }
  return { byPointer, rest };
}

function listPointers(fields: Field[]): string[] {
  return fields.flatMap((field) => [field.pointer, ...listPointers(field.fields)]);
}
