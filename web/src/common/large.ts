/** Large type (适老化): a mode of the same pages, kept in the browser. */
import { ref, watchEffect } from "vue";

const KEY = "xianjie.type";
export const large = ref(localStorage.getItem(KEY) === "large");

watchEffect(() => {
  localStorage.setItem(KEY, large.value ? "large" : "");
  document.documentElement.dataset["type"] = large.value ? "large" : "";
});
