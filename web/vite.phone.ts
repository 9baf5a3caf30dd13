import type { PluginOption } from "vite";
import { VitePWA } from "vite-plugin-pwa";

/** Plugins of the phone's build: the service worker and the manifest. */
export function phonePlugins(): PluginOption[] {
  return [
    VitePWA({
      filename: "sw.js",
      injectRegister: null,
      registerType: "prompt",
      manifest: {
        name: "衔接",
        short_name: "衔接",
        lang: "zh-CN",
        start_url: "/m/",
        scope: "/m/",
        display: "standalone",
        background_color: "#ffffff",
        theme_color: "#1661ab",
        icons: [],
      },
      workbox: { navigateFallback: "/m/index.html", globPatterns: ["**/*.{js,css,html,svg,png}"] },
    }),
  ];
}
