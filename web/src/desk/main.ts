import "@board/tokens.css";
import "@board/base.css";
import "./desk.css";
import { createApp } from "vue";
import { INPUTS } from "@/common/form";
import { keepIn } from "@/common/keep";
import { startSession } from "@/common/session";
import App from "./App.vue";
import CodePicker from "./parts/CodePicker.vue";
import FilePicker from "./parts/FilePicker.vue";
import RecordPicker from "./parts/RecordPicker.vue";
import { router } from "./router";

startSession(keepIn(sessionStorage));
const inputs = { codes: CodePicker, file: FilePicker, files: FilePicker, record: RecordPicker, account: RecordPicker, region: CodePicker };
createApp(App).provide(INPUTS, inputs).use(router).mount("#app");
