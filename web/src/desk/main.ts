import "@/common/tokens.css";
import "@/common/base.css";
import "./desk.css";
import { createApp } from "vue";
import { startSession } from "@/common/session";
import App from "./App.vue";
import { router } from "./router";

startSession(sessionStorage);
createApp(App).use(router).mount("#app");
