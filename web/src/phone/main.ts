import "vant/es/popup/index.css";
import "@board/tokens.css";
import "@board/base.css";
import "./phone.css";
import { createApp } from "vue";
import { INPUTS } from "@/common/form";
import "@/common/large";
import App from "./App.vue";
import FixField from "./parts/FixField.vue";
import PhotoField from "./parts/PhotoField.vue";
import RecordField from "./parts/RecordField.vue";
import { router } from "./router";

const inputs = { file: PhotoField, files: PhotoField, photos: PhotoField, fix: FixField, record: RecordField, account: RecordField };
createApp(App).provide(INPUTS, inputs).use(router).mount("#app");
if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/m/sw.js", { scope: "/m/" }).catch(() => undefined);
