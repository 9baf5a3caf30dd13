/** What a form is for: creating a record, a move of it, or another act with it; and what is sent. */
import { findKind, type Kind, type KindForms, loadForms } from "@/common/meta";
import { buildBody, type Field, type Form, readForm, startValues, type Values } from "@/common/form";
import { createId, type Body, type Row } from "./store";

export interface Task {
  kind: Kind;
  title: string;
  form: Form;
  /** Fields that are drawn; the id of a new record is made, not typed. */
  fields: Field[];
  /** Fields that stand in the address: the record it belongs to. */
  parents: Field[];
  needs: string[];
  many: boolean;
  button: string;
  /** A change sends only what differs from the record. */
  before: boolean;
}

/** `create`, `change`, `move.<action>` or `act.<number>`; null where the caller may not. */
export async function readTask(name: string, task: string): Promise<Task | null> {
  const kind = findKind(name);
  if (!kind) return null;
  const forms = await loadForms(name, true);
  const [what, which = ""] = task.split(".");
  const found = what === "change" ? describeChange(kind, forms) : what === "create" ? describeCreate(kind, forms) : what === "move" ? describeMove(forms, which) : describeAct(forms, Number(which));
  if (!found) return null;
  const form = readForm(found.read);
  const fields = form.fields.filter((one) => one.name !== kind.key && one.name !== "id");
  return { kind, needs: [], many: false, before: false, ...found.rest, form, fields, parents: listParents(kind, form.address) };
}

type Found = { read: Parameters<typeof readForm>[0]; rest: Pick<Task, "title" | "button"> & Partial<Task> };

function describeCreate(kind: Kind, forms: KindForms): Found | null {
  return forms.create && { read: forms.create, rest: { title: kind.label, button: `提交${kind.label}` } };
}

function describeChange(kind: Kind, forms: KindForms): Found | null {
  return forms.change && { read: forms.change, rest: { title: `修改${kind.label}`, button: "提交修改", before: true } };
}

function describeMove(forms: KindForms, action: string): Found | null {
  const move = forms.moves.find((one) => one.action === action);
  if (!move || !forms.move) return null;
  return { read: { ...forms.move, address: move.address }, rest: { title: move.label, button: move.label, needs: move.needs } };
}

function describeAct(forms: KindForms, place: number): Found | null {
  const act = forms.acts[place];
  return act ? { read: act, rest: { title: act.label, button: act.label, many: act.many } } : null;
}

function listParents(kind: Kind, address: string): Field[] {
  const names = [...address.matchAll(/\{([a-z_]+)\}/g)].map((one) => one[1] ?? "").filter((name) => name !== "id");
  return names.map((name) => {
    const target = kind.parents[name] ?? name.replace(/_id$/, "");
    const label = findKind(target)?.label ?? name;
    const empty = { hint: "", unit: "", clearable: false, choices: [], initial: undefined, fields: [] };
    return { ...empty, name, pointer: `/${name}`, label, type: "record", required: true, kind: target } as Field;
  });
}

/** The request of a filled form; the new record carries the id of the item, so that a repeat is the same record. */
export function writeRequest(task: Task, values: Values, parents: Values, record: Row | null): { id: string; path: string; body: Body } {
  const id = createId();
  const address = task.form.address.replace(/\{([a-z_]+)\}/g, (_, name: string) => String(name === "id" ? record?.id : parents[name]));
  const own = task.form.fields.some((one) => one.name === "id") ? { id } : {};
  const body = { ...own, ...buildBody(task.fields, values, task.before && record ? startValues(task.fields, record) : undefined) };
  return { id, path: address, body: task.many ? { items: [body] } : body };
}

/** The item's title: the kind and the first words of it, before a choice and a date. */
export function titleOf(task: Task, values: Values): string {
  const filled = task.fields.filter((one) => typeof values[one.name] === "string" && values[one.name] !== "" && !one.kind);
  const chosen = ["longtext", "text", "choice", "date"].map((type) => filled.find((one) => one.type === type)).find(Boolean);
  if (!chosen) return task.title;
  const value = String(values[chosen.name]);
  return `${task.title}：${(chosen.choices.find((one) => one.value === value)?.label ?? value).slice(0, 30)}`;
}
