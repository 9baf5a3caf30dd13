import type { PluginOption } from "vite";
import { VitePWA } from "vite-plugin-pwa";

/** Plugins of the phone's build: the service worker, which keeps the whole application from the first start on, and the manifest. */
export function phonePlugins(): PluginOption[] {
  const icon = (size: number) => ({ src: `/m/icon-${String(size)}.png`, sizes: `${String(size)}x${String(size)}`, type: "image/png", purpose: "any maskable" });
  return [
    VitePWA({
      filename: "sw.js",
      injectRegister: null,
      registerType: "autoUpdate",
      manifest: {
        id: "/m/",
        name: "衔接",
        short_name: "衔接",
        description: "驻村打卡、走访、巡查、进度，没有网络也能用",
        lang: "zh-CN",
        start_url: "/m/",
        scope: "/m/",
        display: "standalone",
        background_color: "#ffffff",
        theme_color: "#1661ab",
        icons: [icon(192), icon(512)],
      },
      workbox: {
        navigateFallback: "/m/index.html",
        globPatterns: ["**/*.{js,css,html,png,svg,webmanifest}"],
        clientsClaim: true,
        skipWaiting: true,
        cleanupOutdatedCaches: true,
        sourcemap: false,
      },
    }),
  ];
}
