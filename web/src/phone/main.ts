import "vant/es/popup/index.css";
import "@board/tokens.css";
import "./phone.css";
import { createApp } from "vue";
import App from "./App.vue";
import { router } from "./router";

createApp(App).use(router).mount("#app");
if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/m/sw.js", { scope: "/m/" }).catch(() => undefined);
