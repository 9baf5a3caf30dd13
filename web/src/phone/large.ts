/** Large type (适老化): a mode of the same pages, kept on the phone. */
import { ref } from "vue";

const KEY = "xianjie.type";
export const large = ref(localStorage.getItem(KEY) === "large");

export function applyType(): void {
  if (large.value) document.documentElement.dataset["type"] = "large";
  else delete document.documentElement.dataset["type"];
}

export function switchType(): void {
  large.value = !large.value;
  localStorage.setItem(KEY, large.value ? "large" : "");
  applyType();
}
