/** A form in use: values, what the server says of them, a draft that outlives a lost session or a closed tab. */
import { computed, reactive, ref, watch } from "vue";
import { useRequests, type FieldProblem } from "@/common/api";
import { placeProblems, readForm, validate, type Field, type Values } from "@/common/form";
import { listCodes, type KindForms } from "@/common/meta";
import { session } from "@/common/session";

/** The fields of a move. Of a list of codes each move has its own set, such as `projects.statements.endorse`; without one it asks for none. */
export function readMove(forms: KindForms | null, action: string): Field[] {
  if (!forms?.move) return [];
  return readForm(forms.move).fields.flatMap((one) => {
    if (one.type !== "words" || !one.codes) return [one];
    const choices = listCodes(`${one.codes}.${action}`).map(({ code, label }) => ({ value: code, label }));
    return choices.length ? [{ ...one, type: "choices" as const, choices }] : [];
  });
}

export function useForm(key: string) {
  const fields = ref<Field[]>([]);
  const values = reactive<{ now: Values }>({ now: {} });
  const problems = ref<readonly FieldProblem[]>([]);
  const { busy, problem: refusal, attempt } = useRequests();
  const restored = ref(false);
  const place = (): string => `xianjie.draft ${session.me?.id ?? ""} ${key}`;
  const placed = computed(() => placeProblems(fields.value, problems.value));

  watch(refusal, (found) => found && (problems.value = found.errors));

  let stop = (): void => undefined;

  /** Only what the person changed is kept: a record that others changed meanwhile keeps their part. */
  function begin(found: Field[], start: Values): void {
    stop();
    const first = writeParts(start);
    const kept = sessionStorage.getItem(place());
    fields.value = found;
    restored.value = kept !== null;
    values.now = kept ? { ...start, ...(JSON.parse(kept) as Values) } : start;
    stop = watch(() => values.now, (now) => {
      const parts = writeParts(now);
      const changed = Object.keys({ ...first, ...parts }).filter((name) => parts[name] !== first[name]);
      sessionStorage.setItem(place(), JSON.stringify(Object.fromEntries(changed.map((name) => [name, now[name] ?? null]))));
    }, { deep: true });
  }

  /** Checks the values here; true when they can be sent. */
  function check(): boolean {
    refusal.value = null;
    problems.value = validate(fields.value, values.now);
    return problems.value.length === 0;
  }

  function forget(): void {
    sessionStorage.removeItem(place());
    restored.value = false;
  }

  return { fields, values, problems, placed, refusal, restored, busy, begin, check, attempt, forget };
}

/** Each value as text; what is empty has none. */
function writeParts(values: Values): Record<string, string> {
  const filled = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(filled.map(([name, value]) => [name, JSON.stringify(value)]));
}
