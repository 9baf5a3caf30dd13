import "@board/tokens.css";
import "@board/base.css";
import "./desk.css";
import { createApp } from "vue";
import { keepIn } from "@/common/keep";
import { startSession } from "@/common/session";
import App from "./App.vue";
import { router } from "./router";

startSession(keepIn(sessionStorage));
createApp(App).use(router).mount("#app");
